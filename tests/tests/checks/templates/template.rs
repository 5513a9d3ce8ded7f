//! A CloudFormation template as JSON, with the short forms of its functions written out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

pub(crate) const MAIN: &str = "control-tower-integration.template.yml";
pub(crate) const LOG: &str = "lacework-aws-ct-log.template.yml";
pub(crate) const AUDIT: &str = "lacework-aws-ct-audit.template.yml";
pub(crate) const MEMBER: &str = "lacework-aws-cfg-member.template.yml";
/// Expel's main template, and those that its StackSets deploy.
pub(crate) const EXPEL: &str = "expel.template.yml";
pub(crate) const EXPEL_MEMBER: &str = "expel-member.template.yml";
pub(crate) const EXPEL_TRAIL: &str = "expel-trail.template.yml";
/// Workload Security's main template, and the one that its StackSet deploys.
pub(crate) const TREND: &str = "trend-workload-security.template.yml";
pub(crate) const TREND_MEMBER: &str = "trend-workload-security-member.template.yml";
/// Vision One's main template, and the one that its StackSet deploys.
pub(crate) const VISION_ONE: &str = "trend-vision-one.template.yml";
pub(crate) const VISION_ONE_MEMBER: &str = "trend-vision-one-member.template.yml";
/// The main templates.
pub(crate) const MAINS: [&str; 4] = [MAIN, EXPEL, TREND, VISION_ONE];
/// Launched in another Region than the main template, if needed.
pub(crate) const FORWARD: &str = "organizations-events.template.yml";
/// The template of agents on hosts, and the one that its StackSet deploys.
pub(crate) const HOSTS: &str = "hosts.template.yml";
pub(crate) const HOSTS_MEMBER: &str = "hosts-member.template.yml";

/// The templates of Lacework's StackSets.
pub(crate) const CHILDREN: [&str; 3] = [LOG, AUDIT, MEMBER];
/// The alarm on an elevated role.
pub(crate) const ELEVATED_ROLE: &str = "elevated-role-alarm.template.yml";
pub(crate) const ALL: [&str; 15] = [
    MAIN,
    LOG,
    AUDIT,
    MEMBER,
    EXPEL,
    EXPEL_MEMBER,
    EXPEL_TRAIL,
    TREND,
    TREND_MEMBER,
    VISION_ONE,
    VISION_ONE_MEMBER,
    FORWARD,
    HOSTS,
    HOSTS_MEMBER,
    ELEVATED_ROLE,
];

pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../templates")
        .join(name)
}

pub(crate) struct Template {
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Template {
    pub(crate) fn load(name: &str) -> Self {
        Self::parse(fs::read_to_string(path(name)).unwrap())
    }

    pub(crate) fn parse(text: String) -> Self {
        let body = long_form(serde_yaml_ng::from_str(&text).unwrap());
        Self { text, body }
    }

    pub(crate) fn section(&self, name: &str) -> BTreeMap<&str, &Value> {
        self.body[name]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(id, value)| (id.as_str(), value))
            .collect()
    }

    pub(crate) fn resource(&self, id: &str) -> &Value {
        let resource = &self.body["Resources"][id];
        assert!(resource.is_object(), "no resource {id}");
        resource
    }

    /// The properties of every resource of a type, by logical id.
    pub(crate) fn of_type(&self, kind: &str) -> BTreeMap<&str, &Value> {
        self.section("Resources")
            .into_iter()
            .filter(|(_, resource)| resource["Type"] == kind)
            .map(|(id, resource)| (id, &resource["Properties"]))
            .collect()
    }

    /// The resources that must exist before this one, directly or not.
    pub(crate) fn needs(&self, id: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = vec![id.to_owned()];
        while let Some(id) = open.pop() {
            let resource = self.resource(&id);
            let mut next = references(&resource["Properties"]);
            next.extend(one_or_many(&resource["DependsOn"]).map(|id| text(id).to_owned()));
            for id in next {
                if self.body["Resources"].get(&id).is_some() && found.insert(id.clone()) {
                    open.push(id);
                }
            }
        }
        found
    }

    /// All statements of all policies that apply to a resource, including this template's separate
    /// policy resources.
    pub(crate) fn statements(&self, id: &str) -> Vec<&Value> {
        let mut statements = self.own_statements(id);
        for policy in self.policies(id) {
            statements.extend(self.own_statements(policy));
        }
        statements
    }

    /// This template's policy resources that give a role statements: inline policies that name it,
    /// and managed policies that it names.
    pub(crate) fn policies(&self, role: &str) -> Vec<&str> {
        let inline = self
            .of_type("AWS::IAM::Policy")
            .into_iter()
            .filter(|(_, policy)| one_or_many(&policy["Roles"]).any(|named| named["Ref"] == role))
            .map(|(id, _)| id);
        let managed = one_or_many(&self.resource(role)["Properties"]["ManagedPolicyArns"])
            .filter_map(|policy| policy["Ref"].as_str());
        inline.chain(managed).collect()
    }

    /// All statements of a resource's own policies.
    pub(crate) fn own_statements(&self, id: &str) -> Vec<&Value> {
        let properties = &self.resource(id)["Properties"];
        let mut documents = vec![&properties["PolicyDocument"]];
        for policy in one_or_many(&properties["Policies"]) {
            documents.extend(branches(policy).map(|policy| &policy["PolicyDocument"]));
        }
        documents
            .into_iter()
            .flat_map(|document| one_or_many(&document["Statement"]))
            .flat_map(branches)
            .collect()
    }
}

/// A value that may be single or in a list; empty if it is absent.
pub(crate) fn one_or_many(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(items) => items.as_slice(),
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
    .iter()
}

/// The branches of an `Fn::If`, without `AWS::NoValue`; any other value is its only branch.
fn branches(value: &Value) -> impl Iterator<Item = &Value> {
    let choices = value["Fn::If"].as_array().map(|choice| &choice[1..]);
    choices
        .unwrap_or(std::slice::from_ref(value))
        .iter()
        .filter(|value| value["Ref"] != "AWS::NoValue")
}

pub(crate) fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a text: {value}"))
}

/// The one text argument of the function in this value, or the value itself.
pub(crate) fn argument(value: &Value) -> &str {
    match value
        .as_object()
        .and_then(|function| function.values().next())
    {
        Some(Value::Array(parts)) => text(&parts[0]),
        Some(argument) => text(argument),
        None => text(value),
    }
}

pub(crate) fn actions(statement: &Value) -> Vec<&str> {
    one_or_many(&statement["Action"]).map(text).collect()
}

/// Every text in a value, with its path of keys.
pub(crate) fn texts<'a>(value: &'a Value, path: &str, found: &mut Vec<(String, &'a str)>) {
    match value {
        Value::String(text) => found.push((path.to_owned(), text)),
        Value::Array(items) => items.iter().for_each(|item| texts(item, path, found)),
        Value::Object(entries) => {
            for (key, item) in entries {
                texts(item, &format!("{path}/{key}"), found);
            }
        }
        _ => {}
    }
}

/// The names that `Ref`, `Fn::GetAtt` and `Fn::Sub` in a value refer to.
fn references(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match value {
        Value::Array(items) => found.extend(items.iter().flat_map(references)),
        Value::Object(entries) => {
            for (key, item) in entries {
                match key.as_str() {
                    "Ref" => drop(found.insert(text(item).to_owned())),
                    "Fn::GetAtt" => drop(found.insert(text(&item[0]).to_owned())),
                    "Fn::Sub" => found.extend(substituted(item)),
                    _ => found.extend(references(item)),
                }
            }
        }
        _ => {}
    }
    found
}

/// The names that an `Fn::Sub` refers to, in its text and in the values of its own variables.
fn substituted(sub: &Value) -> BTreeSet<String> {
    let variables = &sub[1];
    let mut found: BTreeSet<String> = text(one_or_many(sub).next().unwrap())
        .split("${")
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap())
        .filter(|name| variables.get(name).is_none())
        .map(|name| name.split('.').next().unwrap().to_owned())
        .collect();
    found.extend(references(variables));
    found
}

/// A list that is written as one text, whose parts begin with variables: each part as a value of
/// its own. `None` for any other `Fn::Split`.
fn parts(split: &Value) -> Option<Value> {
    let sub = &split[1]["Fn::Sub"];
    let words = sub[0].as_str()?.split(text(&split[0]));
    let part = |word: &str| {
        let (mut word, mut own) = (word.to_owned(), Map::new());
        for (name, value) in sub[1].as_object().unwrap() {
            let used = format!("${{{name}}}");
            if word.contains(&used) {
                let inner = &value["Fn::Sub"];
                word = word.replace(&used, text(one_or_many(inner).next().unwrap()));
                own.extend(inner[1].as_object().cloned().unwrap_or_default());
            }
        }
        if own.is_empty() {
            json!({ "Fn::Sub": word })
        } else {
            json!({ "Fn::Sub": [word, own] })
        }
    };
    Some(words.map(part).collect())
}

fn long_form(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Tagged(tagged) => {
            let name = tagged.tag.to_string();
            let argument = long_form(tagged.value);
            match name.trim_start_matches('!') {
                "Ref" => json!({ "Ref": argument }),
                "GetAtt" => {
                    let (id, attribute) = text(&argument).split_once('.').unwrap();
                    json!({ "Fn::GetAtt": [id, attribute] })
                }
                "Split" => parts(&argument).unwrap_or_else(|| json!({ "Fn::Split": argument })),
                name => Map::from_iter([(format!("Fn::{name}"), argument)]).into(),
            }
        }
        Yaml::Sequence(items) => items.into_iter().map(long_form).collect(),
        Yaml::Mapping(entries) => entries
            .into_iter()
            .map(|(key, value)| (key.as_str().unwrap().to_owned(), long_form(value)))
            .collect::<Map<_, _>>()
            .into(),
        scalar => serde_json::to_value(scalar).unwrap(),
    }
}

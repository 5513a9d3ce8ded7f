//! Where a release comes from: an in-toto statement with a predicate of SLSA.

use serde_json::{Value, json};

use super::sums::Sums;

/// What a release is made from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// The commit, unless the sources are in no clone.
    pub(crate) commit: Option<String>,
    /// Whether the clone has changes that are in no commit.
    pub(crate) is_changed: bool,
    /// The release of the product.
    pub(crate) release: String,
    /// The compiler's release and commit.
    pub(crate) rustc: (String, String),
    /// The processors that the functions are built for.
    pub(crate) processors: Vec<&'static str>,
    /// The digests of the files that pin what is fetched.
    pub(crate) pins: Sums,
}

/// The statement about the outputs. It says no time and no machine, so that the same commit gives the same
/// statement everywhere. It is not signed here; the release workflow attests it.
pub(crate) fn provenance(origin: &Origin, outputs: &Sums) -> String {
    let subjects: Vec<_> = outputs.iter().map(resource).collect();
    let mut materials: Vec<_> = origin.pins.iter().map(resource).collect();
    let (rustc, commit) = &origin.rustc;
    materials.push(json!({
        "name": "rustc",
        "uri": "git+https://github.com/rust-lang/rust",
        "digest": {"gitCommit": commit},
        "annotations": {"release": rustc},
    }));
    if let Some(commit) = &origin.commit {
        materials.push(json!({
            "name": "towerhook",
            "digest": {"gitCommit": commit},
            "annotations": {"changed": origin.is_changed},
        }));
    }
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:towerhook:package:v1",
                "externalParameters": {"processors": origin.processors},
                "internalParameters": {},
                "resolvedDependencies": materials,
            },
            "runDetails": {
                "builder": {
                    "id": "urn:towerhook:cargo-towerhook-package",
                    "version": {"towerhook": origin.release},
                },
            },
        },
    });
    format!("{statement:#}\n")
}

fn resource((name, digest): (&String, &String)) -> Value {
    json!({"name": name, "digest": {"sha256": digest}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Origin {
        Origin {
            commit: Some("c0ffee".to_owned()),
            is_changed: false,
            release: "0.1.0".to_owned(),
            rustc: ("1.95.0".to_owned(), "5980".to_owned()),
            processors: vec!["arm64"],
            pins: [("Cargo.lock".to_owned(), "aa".to_owned())].into(),
        }
    }

    fn outputs() -> Sums {
        [("b.zip", "22"), ("a.zip", "11")]
            .map(|(name, digest)| (name.to_owned(), digest.to_owned()))
            .into()
    }

    #[test]
    fn a_statement_names_the_outputs_and_what_they_are_made_from() {
        let text = provenance(&sample(), &outputs());
        let statement: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            statement["subject"],
            json!([
                {"name": "a.zip", "digest": {"sha256": "11"}},
                {"name": "b.zip", "digest": {"sha256": "22"}},
            ])
        );
        let definition = &statement["predicate"]["buildDefinition"];
        let materials = definition["resolvedDependencies"].as_array().unwrap();
        let names: Vec<_> = materials.iter().map(|one| &one["name"]).collect();
        assert_eq!(names, ["Cargo.lock", "rustc", "towerhook"]);
        assert_eq!(materials[2]["digest"]["gitCommit"], "c0ffee");
        assert_eq!(materials[2]["annotations"]["changed"], false);
        assert_eq!(text, provenance(&sample(), &outputs()));
    }

    #[test]
    fn sources_that_are_in_no_commit_are_not_taken_for_one() {
        let mut changed = sample();
        changed.is_changed = true;
        let text = provenance(&changed, &outputs());
        assert!(text.contains("\"changed\": true"), "{text}");
        changed.commit = None;
        let text = provenance(&changed, &outputs());
        assert!(
            !text.contains("c0ffee") && !text.contains("\"towerhook\",\n"),
            "{text}"
        );
    }
}

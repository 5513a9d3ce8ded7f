//! Bad input gets a clear answer: a launch that cannot succeed fails with a Reason that names the
//! parameter and the facts, and leaves the landing zone and Lacework unchanged.
//!
//! Every row is a launch: CloudFormation calls the setup function, which answers, and rolls the
//! stack back.

mod answers;
mod neighbour;

use std::fmt::Write as _;

use neighbour::Neighbour;
use serde_json::json;
use towerhook_sandbox::MANAGEMENT_ACCOUNT;
use towerhook_sandbox::gateway::Fault;
use towerhook_sandbox::gateway::control_tower::LandingZone;
use towerhook_sandbox::landing_zone::{Role, SANDBOX};
use towerhook_sandbox::launch::TEMPLATE;

/// The physical id of a Create that failed before it created anything.
const NOTHING_MADE: &str = "towerhook-nothing-made";

/// The Reasons of launches that change nothing, each below its row's name.
#[derive(Default)]
struct Reasons(String);

impl Reasons {
    async fn add(&mut self, row: &str, neighbour: &Neighbour, parameters: &[(&str, &str)]) {
        let calls = neighbour.sandbox.gateway.calls();
        let refused = neighbour.refusal(parameters).await;
        assert_eq!(refused.physical_id, NOTHING_MADE, "{row}");
        let later = neighbour.sandbox.gateway.calls();
        for (call, count) in later {
            let writes = call.contains("StackSet") || call.contains("StackInstances");
            let reads = call.contains(":Describe") || call.contains(":List");
            let before = calls.get(&call).copied().unwrap_or_default();
            assert!(!writes || reads || count == before, "{row}: {call}");
        }
        writeln!(self.0, "{row}\n  {}", refused.reason).unwrap();
    }
}

#[tokio::test]
async fn a_parameter_that_does_not_fit_is_named_with_what_was_found() {
    let neighbour = Neighbour::new(&["development", "marketing"]).await;
    let elsewhere = format!("arn:aws:kms:eu-west-1:{MANAGEMENT_ACCOUNT}:key/mine");
    let rows: [(&str, &[(&str, &str)]); 17] = [
        (
            "wrong secret key",
            &[("LaceworkSecretKey", "_wrong-canary")],
        ),
        ("unknown key id", &[("LaceworkAccessKeyId", "ACME_OTHER")]),
        // A port that no other test can get.
        ("nobody answers", &[("LaceworkUrl", "http://127.0.0.1:1")]),
        ("not https", &[("LaceworkUrl", "http://acme.lacework.net")]),
        (
            "unknown sub-account",
            &[("LaceworkSubAccountName", "sales")],
        ),
        (
            "unknown sub-account for a unit",
            &[("LaceworkOrgSubAccountNames", "Development,Production")],
        ),
        (
            "neither a unit nor a sub-account",
            &[("LaceworkOrgSubAccountNames", "Development,Sales")],
        ),
        (
            "a sub-account without a unit",
            &[("LaceworkOrgSubAccountNames", "Development, Marketing")],
        ),
        (
            "both sub-account settings",
            &[
                ("LaceworkSubAccountName", "marketing"),
                ("LaceworkOrgSubAccountNames", "Development"),
            ],
        ),
        ("another Log Archive", &[("LogAccountName", "Logs")]),
        ("another Audit", &[("AuditAccountName", "Log Archive")]),
        ("no such trail", &[("ExistingCloudTrailName", "my-trail")]),
        (
            "loopback by the look of it",
            &[("LaceworkUrl", "http://127.0.0.1.example.com")],
        ),
        (
            "a key of another Region",
            &[("KmsKeyIdentifierArn", &elsewhere)],
        ),
        (
            "a key of a stranger",
            &[(
                "KmsKeyIdentifierArn",
                "arn:aws:kms:us-east-1:999999999999:key/theirs",
            )],
        ),
        (
            "a pattern of units",
            &[("LaceworkOrgSubAccountNames", "Dev*")],
        ),
        (
            "a pattern of accounts",
            &[("LogAccountName", "Log Archiv?")],
        ),
    ];
    let mut reasons = Reasons::default();
    for (row, parameters) in rows {
        reasons.add(row, &neighbour, parameters).await;
    }
    neighbour.make_unit("Development", SANDBOX).await;
    let twice = [("LaceworkOrgSubAccountNames", "Development")];
    reasons
        .add("a unit's name that exists twice", &neighbour, &twice)
        .await;
    insta::assert_snapshot!(reasons.0, @r#"
    wrong secret key
      http://127.0.0.1:<port> refuses the API key ACME_0123456789ABCDEF; check LaceworkAccessKeyId and LaceworkSecretKey.
    unknown key id
      http://127.0.0.1:<port> refuses the API key ACME_OTHER; check LaceworkAccessKeyId and LaceworkSecretKey.
    nobody answers
      LaceworkUrl: http://127.0.0.1:1 does not answer like a Lacework API: Connection refused (os error 111).
    not https
      LaceworkUrl must be an https URL; found "http://acme.lacework.net".
    unknown sub-account
      LaceworkSubAccountName names the sub-account sales, which the API key cannot use. Its sub-accounts: development, marketing.
    unknown sub-account for a unit
      LaceworkOrgSubAccountNames names the sub-account production, which the API key cannot use. Its sub-accounts: development, marketing.
    neither a unit nor a sub-account
      LaceworkOrgSubAccountNames names the organizational unit "Sales", which the organization does not have.
    a sub-account without a unit
      LaceworkOrgSubAccountNames names the organizational unit "Marketing", which the organization does not have.
    both sub-account settings
      LaceworkSubAccountName (marketing) and LaceworkOrgSubAccountNames are both set. Set one of them: one sub-account for all accounts, or sub-accounts by organizational unit.
    another Log Archive
      LogAccountName is "Logs", and the landing zone's Log Archive account is "Log Archive" (<Log Archive>). Leave LogAccountName blank or correct it.
    another Audit
      AuditAccountName is "Log Archive", and the landing zone's Audit account is "Audit" (<Audit>). Leave AuditAccountName blank or correct it.
    no such trail
      ExistingCloudTrailName: there is no trail "my-trail" in Region us-east-1.
    loopback by the look of it
      LaceworkUrl must be an https URL; found "http://127.0.0.1.example.com".
    a key of another Region
      KmsKeyIdentifierArn is arn:aws:kms:eu-west-1:<Master Account>:key/mine, a key of Region eu-west-1 (aws), and the trail is in us-east-1 (aws). Leave it blank or correct it.
    a key of a stranger
      KmsKeyIdentifierArn is arn:aws:kms:us-east-1:999999999999:key/theirs, and its account is not one of this organization. Leave it blank or correct it.
    a pattern of units
      LaceworkOrgSubAccountNames names the organizational unit "Dev*", which the organization does not have (patterns are not supported here).
    a pattern of accounts
      LogAccountName is "Log Archiv?", and the landing zone's Log Archive account is "Log Archive" (<Log Archive>) (patterns are not supported here). Leave LogAccountName blank or correct it.
    a unit's name that exists twice
      LaceworkOrgSubAccountNames names "Development", and the organization has 2 organizational units of that name. Write the one that you mean: Sandbox/Development (<unit>), Workloads/Development (<unit>).
    "#);
}

#[tokio::test]
async fn a_landing_zone_that_does_not_fit_is_described() {
    let neighbour = Neighbour::new(&[]).await;
    let gateway = &neighbour.sandbox.gateway;
    let (control_tower, organizations) = (gateway.control_tower(), gateway.organizations());
    let good = control_tower.landing_zone().unwrap();
    let log_archive = neighbour.id(Role::LogArchive);
    let mut reasons = Reasons::default();

    let mut without_log_archive = good.clone();
    let manifest = without_log_archive.manifest.as_object_mut().unwrap();
    manifest.remove("centralizedLogging");
    control_tower.set_landing_zone(Some(without_log_archive));
    reasons.add("no Log Archive", &neighbour, &[]).await;

    let elsewhere = LandingZone {
        home_region: "eu-west-1".to_owned(),
        ..good.clone()
    };
    control_tower.set_landing_zone(Some(elsewhere));
    reasons.add("another home Region", &neighbour, &[]).await;

    control_tower.set_landing_zone(None);
    let named = [("LogAccountName", "Logs")];
    reasons.add("no landing zone", &neighbour, &named).await;

    let mut encrypted = good.clone();
    let key = |name: &str| format!("arn:aws:kms:us-east-1:{MANAGEMENT_ACCOUNT}:key/{name}");
    let configurations = &mut encrypted.manifest["centralizedLogging"]["configurations"];
    configurations["kmsKeyArn"] = json!(key("theirs"));
    control_tower.set_landing_zone(Some(encrypted));
    let given = key("mine");
    let given = [("KmsKeyIdentifierArn", given.as_str())];
    reasons.add("another key", &neighbour, &given).await;
    control_tower.set_landing_zone(Some(good));

    for state in ["SUSPENDED", "PENDING_CLOSURE"] {
        organizations.set_account_state(&log_archive, state);
        let row = format!("Log Archive is {state}");
        reasons.add(&row, &neighbour, &[]).await;
    }
    organizations.set_account_state(&log_archive, "ACTIVE");

    for (row, name, organization, regions, on) in [
        ("one account's trail", "alone", false, true, true),
        ("a trail of one Region", "regional", true, false, true),
        ("a trail that is switched off", "off", true, true, false),
        ("a trail without topic", "quiet", true, true, true),
    ] {
        neighbour.make_trail(name, organization, regions, on).await;
        let named = [("ExistingCloudTrailName", name)];
        reasons.add(row, &neighbour, &named).await;
    }

    neighbour
        .make_stack_set("Lacework-Control-Tower-Config-Member-acme")
        .await;
    reasons
        .add("somebody else's StackSet", &neighbour, &[])
        .await;
    insta::assert_snapshot!(reasons.0, @r#"
    no Log Archive
      LogAccountName: the landing zone has no Log Archive account. Let Control Tower set one up, or choose CapabilityType Config, which needs none.
    another home Region
      This stack is in Region us-east-1 and Control Tower's home Region is eu-west-1. Launch it in eu-west-1.
    no landing zone
      LogAccountName: there is no landing zone, and no account of the organization is named "Logs". Correct the name, or choose CapabilityType Config, which needs none.
    another key
      KmsKeyIdentifierArn is arn:aws:kms:us-east-1:<Master Account>:key/mine, and the trail is encrypted with arn:aws:kms:us-east-1:<Master Account>:key/theirs. Leave it blank or correct it.
    Log Archive is SUSPENDED
      LogAccountName: the Log Archive account "Log Archive" (<Log Archive>) is suspended; it must be active.
    Log Archive is PENDING_CLOSURE
      LogAccountName: the Log Archive account "Log Archive" (<Log Archive>) is being closed; it must be active.
    one account's trail
      ExistingCloudTrailName: the trail "alone" does not record everything: it is not an organization trail and records one account only. Change the trail, name another one, or choose CapabilityType Config.
    a trail of one Region
      ExistingCloudTrailName: the trail "regional" does not record everything: it records one Region only. Change the trail, name another one, or choose CapabilityType Config.
    a trail that is switched off
      ExistingCloudTrailName: the trail "off" does not record everything: its logging is switched off. Change the trail, name another one, or choose CapabilityType Config.
    a trail without topic
      ExistingCloudTrailName: the trail "quiet" has no SNS topic, which announces new log files. Set one on the trail, set CreateTrailTopic to Yes, or choose CapabilityType Config.
    somebody else's StackSet
      The StackSet Lacework-Control-Tower-Config-Member-acme exists and was not made by this stack. Launch with AdoptExistingDeployment=Yes to take it over, remove it, or launch with another LaceworkSubAccountName, which all names carry.
    "#);
}

#[tokio::test]
async fn a_create_that_fails_half_way_is_taken_back() {
    let neighbour = Neighbour::new(&[]).await;
    let (gateway, lacework) = (&neighbour.sandbox.gateway, &neighbour.sandbox.simulator);
    let denied = |code: &str, message: &str| Fault::Error {
        status: 400,
        code: code.to_owned(),
        message: message.to_owned(),
    };
    let mut reasons = String::new();

    let stack_sets = gateway.stack_sets();
    stack_sets.fail_instances([neighbour.id(Role::LogArchive)], "The role exists already.");
    let refused = neighbour.refusal(&[]).await;
    stack_sets.fail_instances(Vec::<String>::new(), "");
    assert_ne!(refused.physical_id, NOTHING_MADE);
    writeln!(reasons, "{}", refused.reason).unwrap();
    let deleted = gateway.calls().remove("cloudformation:DeleteStackSet");
    assert_eq!(deleted, Some(3));
    assert_eq!(lacework.calls().get("POST CloudAccounts"), None);

    // Everything has been created, including the trail's integration, when the last step is
    // refused.
    let fault = denied("AuthorizationError", "User may not perform SNS:Publish");
    gateway.faults().inject("sns", "Publish", fault, 1);
    let refused = neighbour.refusal(&[]).await;
    assert_ne!(refused.physical_id, NOTHING_MADE);
    writeln!(reasons, "{}", refused.reason).unwrap();
    let calls = lacework.calls();
    assert_eq!(calls.get("POST CloudAccounts"), Some(&1));
    assert_eq!(calls.get("DELETE CloudAccounts/{intgGuid}"), Some(&1));

    // With an unreadable ledger, setup cannot say that nothing was created.
    let fault = denied(
        "AccessDeniedException",
        "User may not perform dynamodb:GetItem",
    );
    gateway.faults().inject("dynamodb", "GetItem", fault, 1);
    let refused = neighbour.refusal(&[]).await;
    assert_ne!(refused.physical_id, NOTHING_MADE);
    writeln!(reasons, "{}", refused.reason).unwrap();
    insta::assert_snapshot!(reasons, @r#"
    The StackSet Lacework-Control-Tower-CloudTrail-Log-Account-acme failed in account <Log Archive>: The role exists already.
    sns:Publish failed: AuthorizationError: User may not perform SNS:Publish. Check the permissions of the setup function's role.
    dynamodb:GetItem failed: AccessDeniedException: User may not perform dynamodb:GetItem. Check the permissions of the setup function's role.
    "#);
}

#[tokio::test]
async fn a_template_without_a_property_is_told_which() {
    let neighbour = Neighbour::new(&[]).await;
    let mut reasons = String::new();
    for (property, variant) in [
        (
            "      OffboardLimitPercent: !Ref OffboardLimitPercent\n",
            "",
        ),
        (
            "      LaceworkUrl: !Ref LaceworkUrl\n",
            "      LaceworkUrl: [one, two]\n",
        ),
        (
            "      CapabilityType: !Ref CapabilityType\n",
            "      CapabilityType: Everything\n",
        ),
    ] {
        assert_eq!(TEMPLATE.matches(property).count(), 1);
        let template = TEMPLATE.replace(property, variant);
        let refused = neighbour.refusal_of(&template, &[]).await;
        writeln!(reasons, "{}", refused.reason).unwrap();
    }
    insta::assert_snapshot!(reasons, @r#"
    OffboardLimitPercent is missing or blank.
    LaceworkUrl is missing or blank.
    CapabilityType must be CloudTrail+Config, Config or CloudTrail; found "Everything".
    "#);
}

//! Changes of an account have the same effects as in AWS: on the responses of Organizations and
//! Control Tower, on the role in the account, and on the bus.
//!
//! The golden table is in `tests/golden`; `INSTA_UPDATE=always` rewrites it.

use std::fmt::Write as _;

use serde_json::{Value, json};
use towerhook_sandbox::Sandbox;
use towerhook_sandbox::gateway::control_tower::Target;
use towerhook_sandbox::landing_zone::{Departure, EXECUTION_ROLE, SANDBOX};

use crate::golden::assert_golden;

/// An account's state, as seen from outside.
async fn view(sandbox: &Sandbox, name: &str) -> String {
    let landing_zone = &sandbox.landing_zone;
    let account = landing_zone.account(name).unwrap();
    let user = sandbox.user().unwrap();
    let request = json!({"AccountId": account.id});
    let prefix = "AWSOrganizationsV20161128";
    let described = user
        .json("organizations", prefix, "DescribeAccount", request)
        .await;
    let organization = match described {
        Ok(answer) => {
            let account = &answer["Account"];
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let path = text(&account["Paths"][0]);
            let parent = path.split('/').rev().nth(2).unwrap().to_owned();
            let units = ["Root", "Production", "Suspended", SANDBOX, "New", "Renamed"];
            let unit = units
                .into_iter()
                .find(|unit| landing_zone.unit_id(unit).is_ok_and(|id| id == parent));
            format!(
                "{} {} {} in {}",
                text(&account["Name"]),
                text(&account["State"]),
                text(&account["JoinedMethod"]),
                unit.unwrap()
            )
        }
        Err(error) => {
            assert!(error.is("AccountNotFoundException"), "{error}");
            "not found".to_owned()
        }
    };
    let target = Target::Account(account.id.clone());
    let enabled = sandbox.gateway.control_tower().enabled_baselines();
    let baseline = match enabled.iter().find(|one| one.target == target) {
        None => "no baseline".to_owned(),
        Some(own) => {
            let parent = enabled
                .iter()
                .find(|one| Some(&one.arn) == own.parent.as_ref())
                .unwrap();
            let of_its_unit = matches!(&parent.target, Target::OrganizationalUnit(id)
                if landing_zone.unit_id(&account.unit).is_ok_and(|unit| unit == id));
            format!(
                "baseline of {} OU",
                if of_its_unit { "its" } else { "another" }
            )
        }
    };
    let inside = sandbox.inside().unwrap().account(&account.id);
    let role = inside
        .query(
            "iam",
            "GetRole",
            "2010-05-08",
            &[("RoleName", EXECUTION_ROLE)],
        )
        .await;
    let role = if role.is_ok() { "role" } else { "no role" };
    format!("{organization}; {baseline}; {role}")
}

async fn tell(sandbox: &Sandbox, told: &mut String, what: &str, name: &str) {
    let events = sandbox.landing_zone.emission().take_sent().join(", ");
    let events = if events.is_empty() {
        "no event".to_owned()
    } else {
        events
    };
    let view = view(sandbox, name).await;
    writeln!(told, "{what}\n    {view}\n    {events}").unwrap();
}

fn landing_zone(
    sandbox: &Sandbox,
    change: impl Fn(&mut towerhook_sandbox::gateway::control_tower::LandingZone),
) {
    let control_tower = sandbox.gateway.control_tower();
    let mut zone = control_tower.landing_zone().unwrap();
    change(&mut zone);
    control_tower.set_landing_zone(Some(zone));
}

#[tokio::test]
async fn whatever_happens_to_an_account_is_seen_as_in_aws() {
    let mut options = towerhook_tests::options();
    options.accounts = 6;
    let mut sandbox = Sandbox::start(options, &|_| {}).await.unwrap();
    let mut told = String::new();
    macro_rules! happens {
        ($what:literal, $name:literal, |$zone:ident| $action:expr) => {{
            let $zone = &mut sandbox.landing_zone;
            $action.unwrap();
            tell(&sandbox, &mut told, $what, $name).await;
        }};
    }
    happens!("Account Factory creates it", "one", |zone| zone
        .create_account("one", SANDBOX)
        .await);
    happens!("it is moved", "one", |zone| zone
        .move_account("one", "Production")
        .await);
    happens!("Account Factory updates it", "one", |zone| zone
        .update_account("one")
        .await);
    happens!("it is renamed", "uno", |zone| zone
        .rename_account("one", "uno"));
    happens!("AWS suspends it", "uno", |zone| zone.suspend_account("uno"));
    happens!("it comes back", "uno", |zone| zone.reinstate_account("uno"));
    happens!("Control Tower lets it go", "uno", |zone| zone
        .unmanage_account("uno")
        .await);
    happens!("it is removed", "uno", |zone| zone
        .remove_account("uno", Departure::Removed)
        .await);
    happens!("it is invited again", "uno", |zone| zone
        .join_account("uno")
        .await);
    happens!("somebody begins to close another", "sandbox-1", |zone| zone
        .begin_closing("sandbox-1")
        .await);
    happens!("it is closed", "sandbox-1", |zone| zone
        .finish_closing("sandbox-1")
        .await);
    happens!("90 days later", "sandbox-1", |zone| zone
        .remove_account("sandbox-1", Departure::Cleaned)
        .await);
    happens!("one leaves by itself", "development-1", |zone| zone
        .remove_account("development-1", Departure::Left)
        .await);

    sandbox
        .landing_zone
        .create_unit("New", "Root")
        .await
        .unwrap();
    happens!("Organizations creates one", "two", |zone| zone
        .add_account("two", "New")
        .await);
    happens!("its OU is registered", "two", |zone| zone
        .register_unit("New")
        .await);
    happens!("its OU is renamed", "two", |zone| zone
        .rename_unit("New", "Renamed"));

    landing_zone(&sandbox, |zone| zone.auto_enrollment = true);
    happens!("it is moved, with auto-enrollment", "two", |zone| zone
        .move_account("two", "Production")
        .await);
    happens!("it is moved out, with auto-enrollment", "two", |zone| zone
        .move_account("two", "Suspended")
        .await);
    happens!("one never managed is moved in", "unmanaged-1", |zone| zone
        .move_account("unmanaged-1", "Renamed")
        .await);

    landing_zone(&sandbox, |zone| {
        zone.auto_enrollment = false;
        zone.version = "4.0".to_owned();
    });
    happens!(
        "it is moved, with landing zone 4.0",
        "unmanaged-1",
        |zone| zone.move_account("unmanaged-1", SANDBOX).await
    );
    happens!(
        "it is removed, with landing zone 4.0",
        "unmanaged-1",
        |zone| zone.remove_account("unmanaged-1", Departure::Removed).await
    );

    assert_golden("happenings", &told);
    sandbox.shutdown().await.unwrap();
}

//! Forged events for setup, from a principal that may invoke it and nothing else.

use std::time::Duration;

use serde_json::{Value, json};
use towerhook_core::model::RegistrationKind;
use towerhook_world::{Options, Vendor, Wishes, World};

use super::enrolled;

const TOKENS: &str = "registry:CreateToken";
const ANSWERS: &str = "s3:PutObject";

/// Everything that an event must not change.
fn state(world: &World) -> impl PartialEq + std::fmt::Debug + use<> {
    let resources = world.wishes().resources();
    let sets = resources
        .stack_sets()
        .map(|name| world.stack_set(name))
        .collect::<Vec<_>>();
    (
        world.recorded(),
        world.writes(),
        world.registrations(RegistrationKind::Account),
        sets,
    )
}

/// Invokes setup with a request changed like this, and waits until it is done.
async fn forged(world: &World, request_type: &str, change: impl FnOnce(&mut Value)) -> Value {
    let wishes = Wishes {
        limit: 77,
        ..world.wishes()
    };
    let mut request = world.request_for(request_type, &wishes);
    change(&mut request);
    world.invoke_setup(request.clone());
    world.simulation().sleep(Duration::from_secs(7200)).await;
    world.rest().await;
    request
}

#[test]
fn a_request_about_another_stack_is_refused_and_nothing_is_done() {
    enrolled(3, Wishes::default(), async |world| {
        let (before, tokens) = (state(&world), world.calls(TOKENS));
        for other in [
            "arn:aws:cloudformation:us-east-1:666666666666:stack/evil/1",
            "arn:aws:cloudformation:us-east-1:000000000001:stack/other/2",
        ] {
            for request_type in ["Create", "Update", "Delete"] {
                let change = |request: &mut Value| request["StackId"] = other.into();
                let request = forged(&world, request_type, change).await;
                let answer = world.answer_to(&request).await;
                assert!(!answer.success && answer.reason.contains("another one"));
                assert!(answer.reason.contains(other), "{}", answer.reason);
            }
        }
        assert_eq!((state(&world), world.calls(TOKENS)), (before, tokens));
    });
}

#[test]
fn another_url_than_the_environments_is_refused_and_its_host_is_not_asked() {
    enrolled(3, Wishes::default(), async |world| {
        let (before, tokens) = (state(&world), world.calls(TOKENS));
        let request = forged(&world, "Update", |request| {
            request["ResourceProperties"]["ProviderUrl"] = "https://attacker.example".into();
        });
        let answer = world.answer_to(&request.await).await;
        assert!(!answer.success && answer.reason.contains("ProviderUrl"));
        assert_eq!((state(&world), world.calls(TOKENS)), (before, tokens));
    });
}

#[test]
fn the_key_goes_to_no_other_host_where_nothing_is_recorded_either() {
    World::quiet(Options::default(), async |world| {
        let url = "https://attacker.example".to_owned();
        let answer = world
            .launch(Wishes {
                others: [("ProviderUrl", url)].into(),
                ..Wishes::default()
            })
            .await;
        assert!(!answer.success && answer.reason.contains("environment"));
        assert_eq!(world.calls(TOKENS), 0);
        assert_eq!(world.leftovers(), [] as [&str; 0]);
    });
}

#[test]
fn another_principal_than_the_environments_is_refused() {
    enrolled(3, Wishes::default(), async |world| {
        let before = state(&world);
        let principal = "arn:aws:iam::666666666666:root";
        let request = forged(&world, "Update", |request| {
            request["ResourceProperties"]["PrincipalArn"] = principal.into();
        });
        let answer = world.answer_to(&request.await).await;
        assert!(
            !answer.success && answer.reason.contains(principal),
            "{}",
            answer.reason
        );
        assert_eq!(state(&world), before);
    });
}

/// The principal of such a vendor serves all of its tenants.
#[test]
fn another_tenant_than_the_environments_is_trusted_by_no_role() {
    for (vendor, parameter, id) in [
        (Vendor::TrendWorkloadSecurity, "ExternalId", "attackers:1"),
        (
            Vendor::TrendVisionOne,
            "OidcSubject",
            "cloudaccounts-us.xdr.trendmicro.com/urn:visionone:identity:us:1:account/1",
        ),
    ] {
        let options = Options {
            vendor,
            accounts: 2,
            refuses_duplicates: true,
            masks_external_ids: true,
            ..Options::default()
        };
        let wishes = Wishes {
            vendor,
            cloud_trail: false,
            ..Wishes::default()
        };
        World::quiet(options, async move |world| {
            let answer = world.launch(wishes).await;
            assert!(answer.success, "{}", answer.reason);
            world.rest().await;
            let before = state(&world);
            let request = forged(&world, "Update", |request| {
                request["ResourceProperties"][parameter] = id.into();
            });
            let answer = world.answer_to(&request.await).await;
            let is_named = answer.reason.contains(parameter) && answer.reason.contains(id);
            assert!(!answer.success && is_named, "{}", answer.reason);
            assert_eq!(state(&world), before);
        });
    }
}

#[test]
fn an_answer_goes_to_cloudformations_own_buckets_only_and_nothing_is_done_for_another() {
    enrolled(3, Wishes::default(), async |world| {
        let (before, answers) = (state(&world), world.calls(ANSWERS));
        for address in [
            "https://attacker.example/collect",
            "https://attacker.s3.amazonaws.com/collect",
            "http://169.254.169.254/latest/meta-data",
            "http://127.0.0.1:4566/answer",
            "file:///etc/passwd",
        ] {
            for request_type in ["Create", "Update", "Delete"] {
                let change = |request: &mut Value| request["ResponseURL"] = address.into();
                forged(&world, request_type, change).await;
            }
        }
        assert_eq!((state(&world), world.calls(ANSWERS)), (before, answers));
    });
}

#[test]
fn a_hand_over_from_the_future_does_not_keep_later_requests_out() {
    enrolled(2, Wishes::default(), async |world| {
        for admitted in [
            "9999-12-30T00:00:00Z",
            "9999-12-30T22:00:00Z",
            "2026-01-03T00:00:00Z",
            "-009999-01-02T00:00:00Z",
        ] {
            forged(&world, "Update", |request| {
                request["towerhook"] =
                    json!({"admitted": admitted, "invocation": "forged", "restores": true});
            })
            .await;
        }
        let answers = world.update(|wishes| wishes.limit = 20).await;
        assert!(answers.last().unwrap().success, "{answers:#?}");
        let policy = world.recorded().success.unwrap().deployment.policy;
        assert_eq!(policy.offboard_limit_percent, 20);
    });
}

#[test]
fn a_changed_url_is_refused_before_anybody_acts_by_it() {
    enrolled(3, Wishes::default(), async |world| {
        let (before, tokens) = (world.recorded(), world.calls(TOKENS));
        let registrations = world.registrations(RegistrationKind::Account);
        let answers = world.update(|wishes| wishes.elsewhere = true).await;
        let [refusal, rollback] = &answers[..] else {
            panic!("{answers:#?}");
        };
        assert!(!refusal.success && refusal.reason.contains("acme.eu.example.com"));
        assert!(rollback.success, "{}", rollback.reason);
        // The rollback gets a token from the former host.
        assert_eq!(world.calls(TOKENS), tokens + 1);
        assert_eq!(
            world.registrations(RegistrationKind::Account),
            registrations
        );
        let hosts = [&before, &world.recorded()]
            .map(|recorded| recorded.success.clone().unwrap().deployment.policy.host);
        assert_eq!(hosts, ["acme.example.com", "acme.example.com"]);
    });
}

/// The environment has changed by the time that Lambda repeats a request.
#[test]
fn a_late_repetition_sends_the_key_to_no_other_host_either() {
    for request_type in ["Update", "Delete"] {
        enrolled(3, Wishes::default(), async move |world| {
            let request = world.request_for(request_type, &world.wishes());
            world.write_other_host();
            let tokens = world.calls(TOKENS);
            let registrations = world.registrations(RegistrationKind::Account);
            world.invoke_setup(request.clone());
            let answer = world.answer_to(&request).await;
            assert_eq!(answer.success, request_type == "Update");
            assert!(
                answer.reason.contains("acme.eu.example.com"),
                "{}",
                answer.reason
            );
            assert_eq!(world.calls(TOKENS), tokens);
            assert_eq!(
                world.registrations(RegistrationKind::Account),
                registrations
            );
        });
    }
}

#[test]
fn the_ledger_can_be_deleted_with_the_stack_and_not_before() {
    enrolled(2, Wishes::default(), async |world| {
        assert!(world.is_ledger_protected());
        let answers = world.delete().await;
        assert!(answers.last().unwrap().success, "{answers:#?}");
        assert!(!world.is_ledger_protected());
    });
}

#[test]
fn a_create_that_fails_leaves_a_ledger_that_can_be_deleted() {
    World::quiet(Options::default(), async |world| {
        let answer = world
            .launch(Wishes {
                wrong: true,
                ..Wishes::default()
            })
            .await;
        assert!(!answer.success);
        assert!(!world.is_ledger_protected());
    });
}

#[test]
fn the_removal_of_a_stack_whose_ledger_was_emptied_leaves_nothing() {
    enrolled(3, Wishes::default(), async |world| {
        world.happen(&towerhook_world::Step::EmptyLedger);
        let answers = world.delete().await;
        assert!(answers.last().unwrap().success, "{answers:#?}");
        assert_eq!(world.leftovers(), [] as [&str; 0]);
        assert!(!world.is_ledger_protected());
    });
}

//! The demo's story while a third of the functions' calls fail and events are lost or duplicated:
//! it ends as well as the same story without faults.

use std::collections::BTreeMap;
use std::sync::Mutex;

use towerhook_core::dead_letters::{Wish, redrive};
use towerhook_package::local::{FunctionZips, Profile, build};
use towerhook_sandbox::Running;
use towerhook_sandbox::providers::Provider;
use towerhook_sandbox::story::{Adversity, Story};
use towerhook_tests::python::assert_requests_fit;

use crate::{dead_letters::operators_queues, story::hearing};

const ACCOUNTS: usize = 5;
const SEED: u64 = 1;

/// As `cargo towerhook redrive --return` does; its calls fail, too.
async fn redriven(running: Running) -> Result<Vec<String>, towerhook_core::Error> {
    let queues = operators_queues(running).await?;
    let letters = redrive(&queues, Wish::Return).await?;
    Ok(letters.iter().map(ToString::to_string).collect())
}

struct Told {
    accounts: BTreeMap<String, &'static str>,
    mishaps: BTreeMap<&'static str, u64>,
    facts: String,
}

async fn tell(zips: &FunctionZips, provider: Provider, adversity: Option<Adversity>) -> Told {
    let mut options = towerhook_tests::options();
    options.accounts = ACCOUNTS;
    options.provider = provider;
    let heard = Mutex::new(Vec::new());
    let listen = hearing(&heard);
    let mut story = Story::open(options, &listen).await.unwrap();
    story.sandbox.gateway.keep_requests();
    if let Some(adversity) = adversity {
        story = story.under(adversity);
    }
    if let Err(error) = story.tell(zips, &listen).await {
        let logs = story.sandbox.function_logs().last_errors(5).join("\n");
        let told = heard.lock().unwrap().join("\n");
        panic!("{told}\n{error:#}\n{logs}");
    }
    let report = story.report();
    assert!(report.is_good(), "{report:?}");
    assert_requests_fit(&story.sandbox, &[]).await;
    let accounts = story.accounts().iter().map(|story| {
        let state = match &story.enrollment {
            all if all.is_complete() => "enrolled",
            none if none.is_absent() => "left alone",
            _ => "half enrolled",
        };
        (story.account.name.clone(), state)
    });
    let told = Told {
        accounts: accounts.collect(),
        mishaps: story.sandbox.gateway.chaos().tally(),
        facts: heard.lock().unwrap().join("\n"),
    };
    story.sandbox.shutdown().await.unwrap();
    told
}

#[tokio::test]
async fn under_faults_the_story_ends_as_in_calm() {
    ends_as_in_calm(Provider::Lacework).await;
}

#[tokio::test]
async fn under_faults_the_story_of_a_vendor_without_registrations_ends_as_in_calm() {
    ends_as_in_calm(Provider::Expel).await;
}

#[tokio::test]
async fn under_faults_the_story_of_a_vendor_whose_protection_stays_ends_as_in_calm() {
    ends_as_in_calm(Provider::TrendWorkloadSecurity).await;
}

async fn ends_as_in_calm(provider: Provider) {
    let zips = build(Profile::Quick).unwrap();
    let adversity = Adversity {
        seed: SEED,
        redrive: Box::new(|running| {
            Box::pin(async {
                let lines = redriven(running).await;
                Ok(lines.map_err(|error| std::io::Error::other(error.chain()))?)
            })
        }),
    };
    let (calm, chaotic) = tokio::join!(
        tell(&zips, provider, None),
        tell(&zips, provider, Some(adversity))
    );
    assert_eq!(chaotic.accounts, calm.accounts);
    let enrolled = calm.accounts.values().filter(|state| **state == "enrolled");
    // One of them has moved out.
    assert_eq!(enrolled.count(), ACCOUNTS - 1, "{:?}", calm.accounts);

    // Checks that the intended faults occurred.
    assert!(calm.mishaps.is_empty(), "{:?}", calm.mishaps);
    for mishap in [
        "throttled",
        "answered with an internal error",
        "cut off before their effect",
        "cut off after their effect",
        "delayed",
    ] {
        assert!(chaotic.mishaps.contains_key(mishap), "{mishap}");
    }
    // Redrive's responses can be lost as well; the accounts show that it worked.
    let facts = &chaotic.facts;
    for fact in ["the outage is over", "\nredrive: "] {
        assert!(facts.contains(fact), "{facts}");
    }
    // Nobody has to read what a call that failed on purpose said.
    for raw in [" failed: ", "ailure(", "Error {", "dispatch"] {
        assert!(!facts.contains(raw), "{raw}: {facts}");
    }
}

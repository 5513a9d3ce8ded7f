//! Setup's whole decision about an event: it is refused, answered or carried out, in a simulated
//! landing zone.

use std::{collections::BTreeMap, time::Duration};

use jiff::SignedDuration;
use serde_json::{Map, Value};
use towerhook_core::{
    custom_resource::{AnswerAddresses, MAX_RESPONSE_BYTES, Request},
    model::RegistrationKind,
    stack_sets::StackSet,
};
use towerhook_world::{CANARY, Options, STACK_ID, SentAnswer, Vendor, Wishes, World};

use super::{LONGEST_IDS, id_bytes, is_of_aws};

/// How long CloudFormation waits for a response.
const SERVICE_TIMEOUT: SignedDuration = SignedDuration::from_hours(1);
/// After this time, all invocations for one event have ended.
const LONGEST: Duration = Duration::from_secs(3 * 3600);
/// The allowed response addresses in the world's Region.
const ADDRESSES: AnswerAddresses<'static> = AnswerAddresses {
    region: "us-east-1",
    url_suffix: "amazonaws.com",
    loopback: false,
};
const VENDOR: Vendor = Vendor::Lacework;
const PUT_ANSWER: &str = "s3:PutObject";
/// The Reason after a panic.
const PANICKED: &str = "failed unexpectedly";

/// An event for setup, from CloudFormation or forged. Bytes that are JSON are the event itself.
/// Otherwise the first line is the type of a valid request, and each further line overwrites a part
/// of it, such as `ResourceProperties.LaceworkUrl=https://example.com`. A Create runs in an empty
/// landing zone, and all other requests in one with a stack.
pub fn setup(data: &[u8]) {
    let options = Options {
        vendor: VENDOR,
        ..Options::default()
    };
    let world = World::new(options, 1, false);
    let (story, data) = (world.clone(), data.to_vec());
    world
        .simulation()
        .run(async move { decides(story, &data).await });
}

async fn decides(world: World, data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let kind = lines.next().unwrap_or_default();
    if kind != "Create" {
        let answer = world.launch(Wishes::default()).await;
        assert!(answer.success, "{}", answer.reason);
    }
    let event = serde_json::from_slice(data).unwrap_or_else(|_| {
        let wishes = Wishes {
            limit: 20,
            ..Wishes::default()
        };
        let mut event = world.request_for(kind, &wishes);
        for (path, value) in lines.filter_map(|line| line.split_once('=')) {
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            overwrite(&mut event, path, value);
        }
        event
    });
    let before = Seen::of(&world);
    let began = world.now();
    world.invoke_setup(event.clone());
    world.simulation().sleep(LONGEST).await;
    let after = Seen::of(&world);
    let answers = &after.answers[before.answers.len()..];
    let request = Request::parse(&event).ok();
    match request.filter(|request| ADDRESSES.include(&request.response_url)) {
        None => assert_eq!(
            after, before,
            "nobody is answered, and nothing is asked for"
        ),
        Some(request) => {
            let [answer] = answers else {
                panic!("answered {} times", answers.len());
            };
            assert_eq!(answer.address, request.response_url.expose());
            assert!(is_of_aws(&answer.address), "{}", answer.address);
            assert!(answer.at.duration_since(began) < SERVICE_TIMEOUT);
            let is_short = answer.body.len() <= MAX_RESPONSE_BYTES;
            assert!(is_short || id_bytes(&request) > LONGEST_IDS);
            let body = String::from_utf8_lossy(&answer.body);
            for never in [CANARY, PANICKED] {
                assert!(!body.contains(never) || text.contains(never), "{body}");
            }
            if request.stack_id != STACK_ID {
                assert!(body.contains("\"FAILED\""), "{body}");
                let mut after = after;
                after.answers.pop();
                after.calls.remove(PUT_ANSWER);
                let mut before = before;
                before.calls.remove(PUT_ANSWER);
                assert_eq!(after, before, "another stack's request");
            }
        }
    }
    trusts_nobody_else(&world);
}

/// Sets the value at a path of names, replacing anything on the way.
fn overwrite(event: &mut Value, path: &str, value: Value) {
    let mut at = event;
    for name in path.split('.') {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[name];
    }
    *at = value;
}

/// Everything that a refused event must leave unchanged.
#[derive(Debug, PartialEq)]
struct Seen {
    answers: Vec<SentAnswer>,
    calls: BTreeMap<&'static str, usize>,
    writes: usize,
    stack_sets: Vec<StackSet>,
    registrations: usize,
}

impl Seen {
    fn of(world: &World) -> Self {
        let kinds = [RegistrationKind::Account, RegistrationKind::Feed];
        Self {
            answers: world.sent_answers(),
            calls: world.counts(),
            writes: world.writes(),
            stack_sets: world.stack_sets(),
            registrations: kinds
                .map(|kind| world.registrations(kind).len())
                .iter()
                .sum(),
        }
    }
}

/// Whatever the event says, the key goes to the environment's host, and only its principal is
/// trusted.
fn trusts_nobody_else(world: &World) {
    for set in world.stack_sets() {
        let principal = set.parameters.get("LaceworkPrincipalArn");
        assert!(
            principal.is_none_or(|principal| principal == VENDOR.principal()),
            "{set:?}"
        );
    }
    let recorded = world.recorded();
    let successes = [recorded.success, recorded.previous].into_iter().flatten();
    let deployments = successes.map(|success| success.deployment);
    for deployment in deployments.chain(recorded.attempt) {
        assert_eq!(deployment.policy.host, VENDOR.host());
        assert_eq!(deployment.site.principal(), VENDOR.principal());
    }
}

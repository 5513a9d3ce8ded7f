//! A function that is killed at any of its calls leaves nothing that the next attempt cannot
//! finish.
//!
//! Each scenario first runs without a crash, and its calls are counted. Then it runs again and
//! again on the same sandbox, and each time the process that makes a chosen call is killed, before
//! or after the call takes effect. The message returns to the queue, or Lambda retries the
//! invocation, and the final state must be the same.
//!
//! A normal run chooses a few calls of each scenario. `CRASH_ALL=1` chooses every call, before and
//! after its effect; `CRASH_OFFSET=N` begins with the Nth instead of the first.

mod enrolling;
mod stack;
mod token;

use std::fmt;
use std::time::{Duration, Instant};

use serde_json::json;
use towerhook_sandbox::chaos::{Chaos, Moment};
use towerhook_sandbox::launch::hurried;
use towerhook_tests::scene::Scene;

/// The crashes per scenario in a normal run.
const SAMPLE: u64 = 3;
/// A living pass never holds the lease this long.
const STUCK: Duration = Duration::from_secs(6);
/// The longest time from the chosen call until the process is gone.
const KILLED: Duration = Duration::from_secs(30);

/// Where a function is killed.
#[derive(Debug, Clone, Copy)]
struct Point {
    call: u64,
    moment: Moment,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} call {}", self.moment, self.call)
    }
}

/// Every call of a scenario, before and after its effect.
fn all_points(calls: u64) -> Vec<Point> {
    assert!(calls > 0, "nothing was called");
    (0..calls)
        .flat_map(|call| [Moment::Before, Moment::After].map(|moment| Point { call, moment }))
        .collect()
}

/// The chosen calls of a scenario.
fn points(calls: u64) -> Vec<Point> {
    let all = all_points(calls);
    if std::env::var_os("CRASH_ALL").is_some() {
        return all;
    }
    // An odd stride alternates between before and after the effect.
    let stride = (calls * 2).div_ceil(SAMPLE) | 1;
    let offset = std::env::var("CRASH_OFFSET").map_or(0, |number| {
        number.parse::<u64>().expect("CRASH_OFFSET is a number")
    });
    let (stride, offset) = (stride as usize, (offset % stride) as usize);
    all.into_iter().skip(offset).step_by(stride).collect()
}

/// Starts counting calls, and kills at `point`, if there is one.
fn arm(scene: &Scene, point: Option<Point>) {
    if let Some(Point { call, moment }) = point {
        println!("killed {:?} call {call}", moment);
        scene.sandbox.gateway.chaos().crash_after(call, moment);
    }
}

/// The crashes of a scenario.
struct Crashes {
    scenario: &'static str,
    met: u32,
}

impl Crashes {
    fn of(scenario: &'static str) -> Self {
        Self { scenario, met: 0 }
    }

    /// Cancels a crash that did not occur; one that did has killed a process. The last calls of a
    /// scenario are not always made.
    async fn note(&mut self, chaos: &Chaos, point: Point) {
        let scenario = self.scenario;
        let Some(call) = chaos.crashed_at() else {
            println!("{scenario}, {point}: it was over before");
            return;
        };
        // The call's effect can end the scenario before the process is killed.
        let killed = format!("{scenario}, {point}: {call} kills its process");
        towerhook_tests::until(&killed, KILLED, async || chaos.killed().unwrap() == 1).await;
        println!("{killed}");
        self.met += 1;
    }

    /// A scenario in which nothing was killed proves nothing.
    fn end(self) {
        assert!(self.met > 0, "{}: no crash was met", self.scenario);
    }
}

/// [`hurried`], with short invocations of setup. Another invocation for the same request waits for
/// a killed one's lease until that one's deadline.
fn with_short_invocations(template: &str) -> String {
    let timeout = "Timeout: 900";
    let template = hurried(template);
    assert_eq!(template.matches(timeout).count(), 1);
    template.replace(timeout, "Timeout: 20")
}

/// Waits for the condition. The lease of a killed pass is ended meanwhile; by itself it would last
/// until the pass's deadline, minutes later. Nothing else depends on that time.
async fn until(scene: &Scene, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(180);
    let mut holder: Option<(String, Instant)> = None;
    while !condition().await {
        assert!(Instant::now() < end, "{what}: not within 180 s");
        let now = lease(scene)
            .await
            .filter(|owner| !owner.starts_with("setup"));
        holder = match (holder, now) {
            (Some((known, since)), Some(owner)) if known == owner => {
                if since.elapsed() > STUCK {
                    end_lease(scene, &owner).await;
                }
                Some((known, since))
            }
            (_, now) => now.map(|owner| (owner, Instant::now())),
        };
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn lease(scene: &Scene) -> Option<String> {
    let table = scene.stack.output("LedgerTableName").await.ok()?;
    let request = json!({
        "TableName": table,
        "Key": {"kind": {"S": "deployment"}, "id": {"S": "current"}},
    });
    let answer = scene
        .inside()
        .json("dynamodb", "DynamoDB_20120810", "GetItem", request)
        .await
        .ok()?;
    answer["Item"]["holder"]["S"].as_str().map(str::to_owned)
}

async fn end_lease(scene: &Scene, owner: &str) {
    let table = scene.stack.output("LedgerTableName").await.unwrap();
    let request = json!({
        "TableName": table,
        "Key": {"kind": {"S": "deployment"}, "id": {"S": "current"}},
        "UpdateExpression": "REMOVE holder, held_until",
        "ConditionExpression": "holder = :owner",
        "ExpressionAttributeValues": {":owner": {"S": owner}},
    });
    // An error means that another invocation has already taken the lease.
    let _ = scene
        .inside()
        .json("dynamodb", "DynamoDB_20120810", "UpdateItem", request)
        .await;
}

/// Waits until the work queue is empty, without messages in flight or delayed.
async fn settle(scene: &Scene) {
    let url = scene.stack.output("WorkQueueUrl").await.unwrap();
    until(scene, "the queue is empty", async || {
        let found = scene.queue(&url).await;
        found.visible + found.in_flight + found.delayed == 0
    })
    .await;
}

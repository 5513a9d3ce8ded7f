//! What an administrator is told without asking.

use jiff::{SignedDuration, Timestamp};
use towerhook_sandbox::alarms::{AlarmState, Schedule, changes};
use towerhook_tests::scene::Scene;

use crate::enrollment::MEMBERS;

/// The alarms that are off `hours` from now, by the ids of their resources, if the schedule does this until
/// then and nothing else happens.
pub(super) async fn off(scene: &Scene, hours: i64, schedule: Schedule) -> Vec<String> {
    let at = Timestamp::now() + SignedDuration::from_hours(hours);
    let states = scene.sandbox.alarms(at, schedule).await.unwrap();
    assert!(states.len() > 6, "{states:?}");
    let off = states
        .into_iter()
        .filter(|(_, verdict)| verdict.state == AlarmState::Alarm);
    // STACK-RESOURCE-SUFFIX
    off.filter_map(|(name, _)| name.split('-').nth(1).map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn silence_sets_an_alarm_off_and_a_comparison_ends_it() {
    let parameters = [
        ("AlarmEmail", "security@example.com"),
        ("SilenceAlarmHours", "2"),
    ];
    let scene = Scene::open(8, &[], &parameters).await;
    scene.await_enrolled(&MEMBERS).await;
    scene.reconcile().await;
    let gauges = scene.log("account").await;
    let gauge = |name: &str| gauges.iter().rev().find_map(|line| line[name].as_u64());
    let [all, watched, unwatched] =
        ["AccountsInScope", "AccountsWatched", "AccountsUnwatched"].map(gauge);
    assert_eq!((all, watched, unwatched), (Some(7), Some(7), Some(0)));
    let silent = |off: Vec<String>| off.contains(&"SilenceAlarm".to_owned());
    assert!(!silent(off(&scene, 0, Schedule::Stopped).await));
    assert!(!silent(off(&scene, 1, Schedule::Stopped).await));
    let now = Timestamp::now();
    let at = now + SignedDuration::from_hours(3);
    let [before, after] = [now, at].map(|time| scene.sandbox.alarms(time, Schedule::Stopped));
    let told = changes(&before.await.unwrap(), &after.await.unwrap(), at);
    let mut told = told.iter().map(ToString::to_string);
    let told = told.find(|line| line.contains(" ALARM towerhook-SilenceAlarm"));
    let told = told.unwrap();
    assert!(
        told.ends_with("in 2 of 2 periods of 60 min, the latest first: no data, no data"),
        "{told}"
    );
    let later = off(&scene, 3, Schedule::Stopped).await;
    assert!(silent(later.clone()));
    let others = ["BlockedAccountsAlarm", "UnwatchedAccountsAlarm"];
    assert!(
        !later.iter().any(|id| others.contains(&id.as_str())),
        "{later:?}"
    );
}

use std::collections::BTreeMap;

use super::*;
use crate::{
    landing_zone::{BucketNotification, NotificationTarget, TrailTopic},
    model::OuId,
    policy::{Destination, Policy, TrailSource, testing},
    provider::plain::{Plain, PlainRoles},
    stack_sets::InstanceState,
};

const LOG: &str = "000000000001";
const AUDIT: &str = "000000000002";
const QUEUE: &str = "https://sqs.us-east-1.amazonaws.com/000000000002/acme-queue";

const TRAIL: &str = "aws-controltower-BaselineCloudTrail";

fn topic() -> Arn {
    "arn:aws:sns:us-east-1:000000000001:trail".parse().unwrap()
}

fn organizations_trail() -> Trail {
    Trail {
        name: TRAIL.into(),
        home_region: Some("us-east-1".into()),
        bucket: "logs".into(),
        key_prefix: None,
        topic: Some(topic()),
        kms_key: None,
        is_organization: true,
        is_multi_region: true,
        is_logging: true,
    }
}

fn now() -> Timestamp {
    "2026-01-02T00:00:00Z".parse().unwrap()
}

fn hours_ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

fn ou(n: usize) -> OuId {
    format!("ou-ab12-0000000{n}").parse().unwrap()
}

fn deployment(destination: Destination) -> Deployment {
    let policy = Policy {
        destination,
        log_archive: Some(LOG.parse().unwrap()),
        audit: Some(AUDIT.parse().unwrap()),
        ..testing::policy()
    };
    let log = LOG.parse().unwrap();
    let registration = Plain.wanted_feed(&policy, &log, QUEUE.into()).unwrap();
    Deployment {
        stores: policy.destination.stores(),
        organization: registration.is_of_organization(),
        trail: Some(DeployedTrail {
            source: TrailSource {
                name: TRAIL.into(),
                bucket: "logs".into(),
                topic: topic(),
                makes_topic: false,
                announcement: None,
                kms_key: None,
            },
            registration: Some(registration),
            queue_account: AUDIT.parse().unwrap(),
            registration_id: None,
            asked_at: None,
            made_at: None,
            mended: BTreeMap::new(),
        }),
        ..testing::deployment(policy)
    }
}

fn tenant() -> Deployment {
    deployment(Destination::Tenant)
}

fn mapped() -> Deployment {
    let units = [(ou(1), "emea".into()), (ou(2), "apac".into())];
    deployment(Destination::Mapped(units.into()))
}

fn trail(deployment: &mut Deployment) -> &mut DeployedTrail {
    deployment.trail.as_mut().unwrap()
}

fn registration(deployment: &Deployment) -> Registration {
    let spec = deployment.trail.as_ref().unwrap();
    let spec = spec.registration.as_ref().unwrap();
    Registration {
        guid: "ACME_1".into(),
        store: deployment.policy.destination.shared().cloned(),
        organization: spec.is_of_organization(),
        name: spec.name.clone(),
        kind: spec.kind,
        enabled: true,
        role_arn: spec.role_arn.clone(),
        external_id: spec.external_id.as_str().into(),
        queue_url: spec.queue_url.clone(),
        account_mapping: spec.account_mapping.clone(),
        health: Health::Good,
    }
}

fn instance(account: &str, state: InstanceState) -> Read<Option<StackInstance>> {
    Read::Ok(Some(StackInstance {
        account: account.parse().unwrap(),
        state,
        reason: Some("a reason".into()),
    }))
}

fn view(registrations: Vec<Registration>) -> FeedView {
    FeedView {
        trail: Read::Ok(Some(organizations_trail())),
        registrations: Read::Ok(registrations),
        log: instance(LOG, InstanceState::Current),
        audit: Some(instance(AUDIT, InstanceState::Current)),
        bucket: None,
        is_requeued: false,
    }
}

/// The desired mapping, if units are mapped.
fn mapping(deployment: &Deployment) -> Option<AccountMapping> {
    let ids = |id: &str| [id.parse().unwrap()].into();
    let mapping = deployment.policy.empty_mapping()?;
    Some(AccountMapping {
        accounts: [
            ("apac".into(), ids("000000000012")),
            ("emea".into(), ids("000000000011")),
        ]
        .into(),
        ..mapping
    })
}

fn planned(deployment: &Deployment, view: &FeedView) -> FeedPlan {
    plan_feed(&Plain, deployment, mapping(deployment), view, now())
}

/// The actions in words, without their common names.
fn words(plan: &FeedPlan) -> Vec<String> {
    let short = |action: &FeedAction| {
        let words = action.to_string();
        words.replace("Plain-", "").replace("-acme", "")
    };
    plan.actions.iter().map(short).collect()
}

fn mapping_of(plan: &FeedPlan) -> Option<&AccountMapping> {
    match plan.actions.last()? {
        FeedAction::CreateRegistration { spec } | FeedAction::UpdateRegistration { spec, .. } => {
            spec.account_mapping.as_ref()
        }
        _ => None,
    }
}

#[test]
fn a_trail_that_is_as_it_should_be_is_remembered_by_its_id_and_left_alone() {
    let mut deployment = tenant();
    let view = view(vec![registration(&deployment)]);
    let plan = planned(&deployment, &view);
    assert!(plan.actions.is_empty() && plan.blocked.is_empty() && !plan.look_again);
    let record = plan.record.unwrap();
    assert_eq!(record.registration_id.as_deref(), Some("ACME_1"));
    *trail(&mut deployment) = record;
    assert_eq!(planned(&deployment, &view), FeedPlan::default());
}

#[test]
fn every_departure_of_the_registration_is_put_right() {
    let mut deployment = tenant();
    trail(&mut deployment).registration_id = Some("ACME_1".into());
    let good = registration(&deployment);
    let departures: [fn(&mut Registration); 6] = [
        |one| one.enabled = false,
        |one| one.name = "renamed".into(),
        |one| one.role_arn = "arn:aws:iam::000000000001:role/other".into(),
        |one| one.queue_url = Some("https://sqs.us-east-1.amazonaws.com/1/other".into()),
        |one| one.queue_url = None,
        |one| one.external_id = "plain:acme:000000000001:ZZZZZZZZZZ".into(),
    ];
    for depart in departures {
        let mut one = good.clone();
        depart(&mut one);
        let plan = planned(&deployment, &view(vec![one.clone()]));
        assert_eq!(words(&plan), ["update registration Feed-Role"], "{one:?}");
    }
    let gone = planned(&deployment, &view(vec![]));
    assert_eq!(words(&gone), ["create registration Feed-Role"]);
    // If external ids are masked, name and role decide.
    let mut masked = good;
    masked.external_id = "**********".into();
    trail(&mut deployment).registration_id = None;
    assert!(planned(&deployment, &view(vec![masked])).actions.is_empty());
}

#[test]
fn somebody_elses_registration_of_the_queue_is_told_and_not_touched() {
    let deployment = tenant();
    let mut other = registration(&deployment);
    other.external_id = "plain:acme:000000000001:ZZZZZZZZZZ".into();
    let plan = planned(&deployment, &view(vec![other]));
    assert!(plan.actions.is_empty());
    assert!(plan.blocked[0].contains("reads the trail's queue already"));
}

#[test]
fn an_instance_that_is_missing_is_made_and_what_failed_is_tried_once_a_day() {
    let mut deployment = tenant();
    let mut view = view(vec![]);
    view.log = Read::Ok(None);
    let plan = planned(&deployment, &view);
    assert_eq!(
        words(&plan),
        ["create the instance of Feed-Role in 000000000001"]
    );
    assert!(plan.look_again, "the registration waits for the role");

    for (state, verb) in [
        (InstanceState::Outdated, "create"),
        (InstanceState::Inoperable, "delete"),
    ] {
        view.log = instance(LOG, state);
        trail(&mut deployment).mended.clear();
        let first = planned(&deployment, &view);
        let expected = format!("{verb} the instance of Feed-Role in 000000000001");
        assert_eq!(words(&first), [expected.as_str()]);
        let faults = &mut trail(&mut deployment).mended;
        faults.insert(TrailFault::LogInstance, hours_ago(23));
        let again = planned(&deployment, &view);
        assert!(again.actions.is_empty());
        assert!(again.blocked[0].contains("a reason"), "{again:?}");
        trail(&mut deployment)
            .mended
            .insert(TrailFault::LogInstance, hours_ago(24));
        assert_eq!(words(&planned(&deployment, &view)), [expected.as_str()]);
    }
}

#[test]
fn a_failure_that_passes_by_itself_costs_no_day_of_the_trail() {
    let mut deployment = tenant();
    trail(&mut deployment)
        .mended
        .insert(TrailFault::AuditInstance, hours_ago(1));
    let mut view = view(vec![]);
    view.audit = Some(instance(AUDIT, InstanceState::Outdated));
    assert!(planned(&deployment, &view).actions.is_empty());
    let Some(Read::Ok(Some(failed))) = &mut view.audit else {
        panic!("it is there");
    };
    failed.reason = Some("You must wait 60 seconds (QueueDeletedRecently)".into());
    let plan = planned(&deployment, &view);
    assert_eq!(
        words(&plan),
        ["create the instance of Feed-Queue in 000000000002"]
    );
    assert!(plan.look_again);
}

#[test]
fn a_role_that_cannot_be_assumed_is_made_anew_once_a_day() {
    let mut deployment = tenant();
    let mut one = registration(&deployment);
    one.health = Health::Failing("Error assuming role".into());
    let view = view(vec![one]);
    let plan = planned(&deployment, &view);
    assert_eq!(
        words(&plan),
        ["delete the instance of Feed-Role in 000000000001"]
    );
    assert!(plan.look_again);
    let record = plan.record.unwrap();
    assert_eq!(record.mended[&TrailFault::Role], now());
    *trail(&mut deployment) = record;
    // The SaaS may not have checked since; after that, an administrator has to act.
    assert_eq!(planned(&deployment, &view), FeedPlan::default());
    trail(&mut deployment)
        .mended
        .insert(TrailFault::Role, hours_ago(3));
    let later = planned(&deployment, &view);
    assert!(later.actions.is_empty());
    assert!(later.blocked[0].contains("Error assuming role"));
}

#[test]
fn with_a_topic_of_ours_the_queue_is_made_anew_after_the_role() {
    let mut deployment = tenant();
    deployment.trail_topics.insert(TrailTopic {
        trail: "trail".into(),
        topic: "arn:aws:sns:us-east-1:000000000001:acme-topic"
            .parse()
            .unwrap(),
    });
    let mut one = registration(&deployment);
    one.health = Health::Failing("Error assuming role".into());
    let mut view = view(vec![one]);
    assert_eq!(
        words(&planned(&deployment, &view)),
        [
            "delete the instance of Feed-Role in 000000000001",
            "delete the instance of Feed-Queue in 000000000002"
        ]
    );
    view.audit = Some(Read::Ok(None));
    view.log = Read::Ok(None);
    let role = ["create the instance of Feed-Role in 000000000001"];
    assert_eq!(words(&planned(&deployment, &view)), role);
    view.log = instance("000000000001", InstanceState::Current);
    let queue = ["create the instance of Feed-Queue in 000000000002"];
    assert_eq!(words(&planned(&deployment, &view)), queue);
}

#[test]
fn a_queue_is_made_anew_when_it_is_gone_or_when_a_new_role_did_not_help() {
    let mut deployment = tenant();
    let with = |details: &str, deployment: &Deployment| {
        let mut one = registration(deployment);
        one.health = Health::Failing(details.into());
        view(vec![one])
    };
    let gone = with("the queue is gone", &deployment);
    assert_eq!(
        words(&planned(&deployment, &gone)),
        ["delete the instance of Feed-Queue in 000000000002"]
    );
    let denied = with("the queue denies access", &deployment);
    let role = ["delete the instance of Feed-Role in 000000000001"];
    assert_eq!(words(&planned(&deployment, &denied)), role);
    let mended = &mut trail(&mut deployment).mended;
    mended.insert(TrailFault::Role, hours_ago(1));
    assert!(planned(&deployment, &denied).actions.is_empty());
    trail(&mut deployment)
        .mended
        .insert(TrailFault::Role, hours_ago(3));
    assert_eq!(
        words(&planned(&deployment, &denied)),
        ["delete the instance of Feed-Queue in 000000000002"]
    );
    let other = with("malformed notification", &deployment);
    let plan = planned(&deployment, &other);
    assert!(plan.actions.is_empty());
    assert!(plan.blocked[0].contains("malformed"));
}

#[test]
fn the_mapping_is_written_only_when_it_differs_and_kept_while_it_is_unknown() {
    let deployment = mapped();
    let wanted = mapping(&deployment).unwrap();
    let mut existing = registration(&deployment);
    let plan = planned(&deployment, &view(vec![existing.clone()]));
    assert_eq!(mapping_of(&plan), Some(&wanted));
    let mut written = existing.clone();
    written.account_mapping = Some(wanted.clone());
    assert_eq!(planned(&deployment, &view(vec![written])).actions, []);
    let new = planned(&deployment, &view(vec![]));
    assert_eq!(mapping_of(&new), Some(&wanted));
    assert_eq!(new.actions.len(), 1);

    let unmapped = |existing: &Registration| {
        let view = view(vec![existing.clone()]);
        plan_feed(&Plain, &deployment, None, &view, now())
    };
    assert_eq!(unmapped(&existing).actions, []);
    // Other repairs continue and leave the mapping as it is.
    let kept = AccountMapping {
        accounts: [("emea".into(), ["000000000077".parse().unwrap()].into())].into(),
        ..AccountMapping::to_default("acme".into())
    };
    existing.account_mapping = Some(kept.clone());
    existing.enabled = false;
    assert_eq!(mapping_of(&unmapped(&existing)), Some(&kept));
}

#[test]
fn a_foreign_registration_with_our_name_in_our_place_blocks_ours() {
    let deployment = tenant();
    let mut other = registration(&deployment);
    other.external_id = "plain:acme:000000000001:ZZZZZZZZZZ".into();
    other.queue_url = Some("https://sqs.us-east-1.amazonaws.com/1/other".into());
    let plan = planned(&deployment, &view(vec![other.clone()]));
    assert_eq!(plan.actions, []);
    assert!(plan.blocked[0].contains(&other.name), "{plan}");
    other.store = Some("elsewhere".into());
    let plan = planned(&deployment, &view(vec![other]));
    assert_eq!(words(&plan), ["create registration Feed-Role"]);
}

#[test]
fn a_registration_in_the_wrong_place_goes_before_the_right_one_is_made() {
    let deployment = mapped();
    let mut stores = registration(&deployment);
    stores.organization = false;
    stores.account_mapping = None;
    let plan = planned(&deployment, &view(vec![stores]));
    assert_eq!(
        words(&plan),
        [
            "delete registration Feed-Role",
            "create registration Feed-Role"
        ]
    );
}

#[test]
fn what_cannot_be_read_changes_nothing() {
    let deployment = tenant();
    let unknown = || Read::Unknown("throttled".to_owned());
    let nothing = FeedView {
        trail: Read::Unknown("throttled".into()),
        registrations: Read::Unknown("throttled".into()),
        log: unknown(),
        audit: Some(unknown()),
        bucket: None,
        is_requeued: true,
    };
    assert_eq!(planned(&deployment, &nothing), FeedPlan::default());
    let mut half = view(vec![]);
    half.audit = Some(unknown());
    assert!(planned(&deployment, &half).actions.is_empty());
}

#[test]
fn a_topic_that_has_changed_is_reported_with_what_helps() {
    let deployment = tenant();
    let blocked = |topic: Option<&str>| {
        let mut view = view(vec![registration(&deployment)]);
        let Read::Ok(Some(trail)) = &mut view.trail else {
            panic!("it is known");
        };
        trail.topic = topic.map(|topic| topic.parse().unwrap());
        let mut blocked = planned(&deployment, &view).blocked;
        assert_eq!(blocked.len(), 1, "{blocked:?}");
        blocked.remove(0)
    };
    let other = |account: &str| format!("arn:aws:sns:us-east-1:{account}:other");
    for account in [LOG, AUDIT] {
        let words = blocked(Some(&other(account)));
        let helps = format!(" but {}; update the stack", other(account));
        assert!(words.contains(&helps), "{words}");
    }
    let words = blocked(Some(&other("000000000042")));
    assert!(
        words.contains("neither in Log Archive nor in Audit"),
        "{words}"
    );
    let words = blocked(None);
    assert!(
        words.contains("update the stack with CreateTrailTopic=Yes"),
        "{words}"
    );
}

/// A deployment whose queue hears of log files from the trail's bucket.
fn announced() -> Deployment {
    let mut deployment = tenant();
    let names = PlainRoles.resources(&deployment.policy.names).feed.unwrap();
    let topic: Arn = format!("arn:aws:sns:us-east-1:{LOG}:{}", names.trail_topic)
        .parse()
        .unwrap();
    let deployed = trail(&mut deployment);
    deployed.registration = None;
    deployed.queue_account = LOG.parse().unwrap();
    deployed.source.topic = topic.clone();
    deployed.source.announcement = Some(Announcement {
        bucket: "logs".into(),
        account: LOG.parse().unwrap(),
        id: names.trail_topic,
        topic,
        prefix: "AWSLogs/".into(),
        role: format!("arn:aws:iam::{LOG}:role/{}", names.log_role),
    });
    deployment
}

fn bucket_view(found: &[BucketNotification]) -> FeedView {
    FeedView {
        audit: None,
        bucket: Some(Read::Ok(BucketNotifications {
            all: found.to_vec(),
            event_bridge: false,
        })),
        ..view(vec![])
    }
}

fn notification(id: &str) -> BucketNotification {
    BucketNotification {
        id: id.into(),
        target: NotificationTarget::Queue,
        arn: "arn:aws:sqs:us-east-1:000000000001:theirs".into(),
        events: vec!["s3:ObjectCreated:Put".into()],
        prefix: "AWSLogs/".into(),
        suffix: String::new(),
    }
}

#[test]
fn a_bucket_that_no_longer_announces_its_files_is_told_to_again() {
    let deployment = announced();
    let plan = |view: &FeedView| plan_feed(&PlainRoles, &deployment, None, view, now());
    let mended = plan(&bucket_view(&[]));
    let [FeedAction::Announce { notifications, .. }] = &mended.actions[..] else {
        panic!("{mended:?}")
    };
    assert_eq!(plan(&bucket_view(&notifications.all)), FeedPlan::default());
    // Without the role nothing can be written, and the role comes first.
    let bare = FeedView {
        log: Read::Ok(None),
        ..bucket_view(&[])
    };
    assert_eq!(
        words(&plan(&bare)),
        ["create the instance of Feed-Role in 000000000001"]
    );
    let unread = FeedView {
        bucket: Some(Read::Unknown("denied".into())),
        ..bucket_view(&[])
    };
    assert_eq!(plan(&unread).actions, []);
    assert_eq!(unread.failures().collect::<Vec<_>>(), ["denied"]);
}

#[test]
fn somebody_elses_notification_of_the_same_files_is_reported_with_its_id() {
    let found = bucket_view(&[notification("theirs")]);
    let plan = plan_feed(&PlainRoles, &announced(), None, &found, now());
    assert_eq!(plan.actions, []);
    let [why] = &plan.blocked[..] else {
        panic!("{plan:?}")
    };
    assert!(why.contains("\"theirs\""), "{why}");
}

#[test]
fn a_trail_that_delivers_elsewhere_is_reported() {
    let with = |change: fn(&mut Trail)| {
        let mut view = bucket_view(&[]);
        if let Read::Ok(Some(trail)) = &mut view.trail {
            change(trail);
        }
        plan_feed(&PlainRoles, &announced(), None, &view, now()).blocked
    };
    assert_eq!(with(|_| {}), Vec::<String>::new());
    for (blocked, place) in [
        (
            with(|trail| trail.bucket = "elsewhere".into()),
            "s3://elsewhere/AWSLogs/ ",
        ),
        (
            with(|trail| trail.key_prefix = Some("o-1".into())),
            "s3://logs/o-1/AWSLogs/ ",
        ),
    ] {
        let [why] = &blocked[..] else {
            panic!("{blocked:?}")
        };
        let moved = format!("delivers to {place}and no longer to s3://logs/AWSLogs/;");
        assert!(why.contains(&moved), "{why}");
    }
}

//! AWS's events, on their way to the queue.

use std::time::Duration;

use serde_json::{Value, json};
use towerhook_core::model::AccountId;

use crate::{World, units, wishes::AtLaunch};

impl World {
    pub(crate) fn account_event(&self, name: &str, key: &str, id: AccountId) {
        let status = json!({
            "account": {"accountName": "a", "accountId": id}, "state": "SUCCEEDED",
        });
        self.arrive(id, control_tower(name, json!({ key: status })));
    }

    /// Announces an event that marks an account as new.
    pub(crate) fn arrive(&self, id: AccountId, event: String) {
        let surely = self.announce(event);
        let mut state = self.state();
        if let Some(at_launch) = state.at_launch.get_mut(&id) {
            *at_launch = match (*at_launch, surely) {
                (AtLaunch::No, _) | (_, true) => AtLaunch::No,
                (_, false) => AtLaunch::Perhaps,
            };
        }
    }

    pub(crate) fn perhaps_new(&self, id: AccountId) {
        let mut state = self.state();
        if let Some(at_launch @ AtLaunch::Yes) = state.at_launch.get_mut(&id) {
            *at_launch = AtLaunch::Perhaps;
        }
    }

    pub(crate) fn organizations_event(&self, name: &str, id: AccountId, parameters: Value) {
        self.perhaps_new(id);
        let mut request = json!({ "accountId": id });
        if let (Some(request), Some(more)) = (request.as_object_mut(), parameters.as_object()) {
            request.extend(more.clone());
        }
        let event = json!({
            "source": "aws.organizations",
            "detail-type": "AWS API Call via CloudTrail",
            "detail": {"eventSource": "organizations.amazonaws.com", "eventName": name,
                       "requestParameters": request},
        });
        self.announce(event.to_string());
    }

    /// Sends an event to the queue. True if it is certain to arrive soon.
    pub(crate) fn announce(&self, body: String) -> bool {
        let (lost, late, duplicates, calm) = {
            let state = self.state();
            let faults = &state.faults;
            let calm = faults.rates.is_empty();
            (
                faults.lost_events,
                faults.late_events,
                faults.duplicates,
                calm,
            )
        };
        if self.simulation().chance(lost) {
            return false;
        }
        let copies = 1 + usize::from(self.simulation().chance(duplicates));
        for _ in 0..copies {
            let late = self
                .simulation()
                .between(100, 2000 + late.as_millis() as u64);
            if self.state().options.true_to_scale {
                // With thousands of events, a task for each would dominate the run time.
                let now = self.now();
                self.state().queue.send(now, body.clone(), late);
                continue;
            }
            let (world, body) = (self.clone(), body.clone());
            self.simulation().spawn(async move {
                world.simulation().sleep(late).await;
                let now = world.now();
                world.state().queue.send(now, body, Duration::ZERO);
            });
        }
        calm && late < Duration::from_secs(60)
    }
}

pub(crate) fn control_tower(name: &str, details: Value) -> String {
    json!({
        "source": "aws.controltower",
        "detail-type": "AWS Service Event via CloudTrail",
        "detail": {"eventName": name, "serviceEventDetails": details},
    })
    .to_string()
}

pub(crate) fn enable_baseline(id: &AccountId) -> String {
    let target = format!(
        "arn:aws:organizations::{}:account/o-ab12cd34ef/{id}",
        units::MANAGEMENT
    );
    let details = json!({"targetIdentifier": target, "statusSummary": {"status": "SUCCEEDED"}});
    control_tower(
        "EnableBaseline",
        json!({"enableBaselineStatus": {"enabledBaselineDetails": details}}),
    )
}

use std::time::Duration;

use indicatif::ProgressBar;
use towerhook_aws::{Aws, Home, LedgerTable, SdkConfig, StackAdministrator, WatchSettings};
use towerhook_core::ports::{Clock, StackEvent};
use towerhook_operate::launch::{Following, Look, Tally, tally};
use towerhook_runtime::clock::SystemClock;

use crate::{
    operator::{readable, region},
    table::printable,
    terminal::{progress, width::wrapped},
};

/// How often CloudFormation is asked.
const INTERVAL: Duration = Duration::from_secs(2);
/// The accounts are counted at every tenth look only: StackSets have few calls, which setup needs.
const COUNTED_EVERY: usize = 10;

/// What a launch makes.
pub(super) struct Expected<'a> {
    /// The number of the stack's resources.
    pub(super) resources: usize,
    /// The prefix of its StackSets' names.
    pub(super) prefix: &'a str,
}

/// Follows a request until it has been carried out, and shows each resource that is done or fails.
pub(super) async fn to_the_end(
    config: &SdkConfig,
    stacks: &Aws<StackAdministrator>,
    mut following: Following,
    expected: Option<Expected<'_>>,
) -> anyhow::Result<()> {
    let resources = expected.as_ref().map(|expected| expected.resources);
    let mut view = View {
        bar: resources
            .and_then(progress::bar)
            .or_else(|| progress::spinner("asked for")),
        told: None,
    };
    let mut ledger = None;
    for number in 0_usize.. {
        let look = following.look(stacks).await;
        let look = look.inspect_err(|_| view.clear()).map_err(readable)?;
        ledger = ledger.or_else(|| ledger_in(&look.events));
        view.show(&look);
        if let Some(Expected { prefix, .. }) = &expected
            && (look.is_reached || number % COUNTED_EVERY == 0)
        {
            // A count that fails is worth no failure: the next one may succeed.
            let counted = count(config, prefix, ledger.clone()).await;
            view.tell(counted.ok());
        }
        if look.is_reached {
            break;
        }
        SystemClock.sleep(INTERVAL).await;
    }
    view.clear();
    Ok(())
}

async fn count(config: &SdkConfig, prefix: &str, ledger: Option<String>) -> anyhow::Result<Tally> {
    let region = region(config)?;
    let is_made = ledger.is_some();
    let settings = WatchSettings {
        home: Home { region },
        ledger: LedgerTable(ledger.unwrap_or_default()),
    };
    let watch = Aws::new(config, settings);
    Ok(tally(&watch, prefix, is_made.then_some(&watch)).await?)
}

/// The ledger's name, once it has been made.
fn ledger_in(events: &[StackEvent]) -> Option<String> {
    let is_ledger = |event: &&StackEvent| {
        event.kind == "AWS::DynamoDB::Table" && event.status == "CREATE_COMPLETE"
    };
    let made = events.iter().find(is_ledger)?;
    Some(made.physical_id.clone())
}

/// A bar on a terminal, and lines elsewhere; on standard error, so that the result stands alone.
struct View {
    bar: Option<ProgressBar>,
    told: Option<Tally>,
}

impl View {
    fn show(&self, look: &Look) {
        for event in &look.events {
            if event.status.ends_with("_IN_PROGRESS") {
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("{} {}", printable(&event.resource), event.status));
                }
            } else {
                self.line(&line(event));
            }
        }
        if let Some(bar) = &self.bar {
            bar.set_position(look.done as u64);
        }
    }

    fn tell(&mut self, tally: Option<Tally>) {
        if let Some(tally) = tally.filter(|_| tally != self.told) {
            self.line(&tally.to_string());
            self.told = Some(tally);
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    fn clear(&mut self) {
        progress::clear(self.bar.take());
    }
}

fn line(event: &StackEvent) -> String {
    let reason = event.reason.as_deref();
    let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    let words = format!(
        "{} {} {}{reason}",
        event.at.strftime("%H:%M:%S"),
        event.status,
        event.resource
    );
    wrapped(&words, "  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::width::widest;

    fn event(kind: &str, status: &str) -> StackEvent {
        StackEvent {
            id: "1".into(),
            at: "2026-01-11T12:00:00Z".parse().unwrap(),
            resource: "Led\u{1b}[2Jger".into(),
            physical_id: "t-Ledger".into(),
            kind: kind.into(),
            status: status.into(),
            reason: Some("no\nroom".into()),
        }
    }

    #[test]
    fn an_event_fits_and_cannot_control_the_terminal() {
        let mut failed = event("AWS::DynamoDB::Table", "CREATE_FAILED");
        let shown = line(&failed);
        assert_eq!(shown, r"12:00:00 CREATE_FAILED Led\u{1b}[2Jger: no\nroom");
        failed.reason = Some("the key is refused by the vendor ".repeat(9));
        assert!(widest(&line(&failed)) <= 80);
    }

    #[test]
    fn the_ledger_is_known_once_it_has_been_made() {
        let made = event("AWS::DynamoDB::Table", "CREATE_COMPLETE");
        let begun = event("AWS::DynamoDB::Table", "CREATE_IN_PROGRESS");
        let other = event("AWS::SQS::Queue", "CREATE_COMPLETE");
        assert_eq!(ledger_in(&[begun, other.clone()]), None);
        assert_eq!(ledger_in(&[other, made]).as_deref(), Some("t-Ledger"));
    }
}

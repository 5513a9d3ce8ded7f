use std::process::ExitCode;

use anyhow::Context;
use comfy_table::{Cell, ColumnConstraint, Table, Width};
use towerhook_aws::{Aws, Queues, SdkConfig, connect_as_operator};
use towerhook_core::counted;
use towerhook_core::dead_letters::{self, Described, Fate, Wish};
use towerhook_operate::moment;
use towerhook_sandbox::{Running, STACK_NAME};

use crate::{
    arguments::Redrive,
    operator::{endpoint, operator, readable, unread},
    table::printable,
    terminal::{ask, columns::fitted, width::say},
};

/// The width of a time, which is easier to read on one line.
const TIME: ColumnConstraint = ColumnConstraint::LowerBoundary(Width::Fixed(23));

/// Shows the messages of the dead-letter queue, and returns or drops them on demand.
pub(crate) async fn redrive(arguments: &Redrive) -> anyhow::Result<ExitCode> {
    let config = operator(&arguments.target).await?;
    let queues = queues_of(&config, &arguments.target.stack).await?;
    let wish = if arguments.return_all {
        Wish::Return
    } else {
        Wish::Show
    };
    let letters = worked_through(&queues, wish).await?;
    print(&letters, arguments);
    if arguments.drop && !letters.is_empty() {
        if !arguments.yes {
            ask::confirm("Delete these messages?")?;
        }
        let shown = letters.iter().map(|letter| letter.id.clone()).collect();
        let letters = worked_through(&queues, Wish::Drop { shown: &shown }).await?;
        say(&format!("dropped {}", messages(&letters, Fate::Dropped)));
        if letters.iter().any(|letter| letter.fate == Fate::Kept) {
            let others = messages(&letters, Fate::Kept);
            say(&format!("kept {others} that came since"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The queues of a stack.
pub(super) async fn queues_of(config: &SdkConfig, stack: &str) -> anyhow::Result<Aws<Queues>> {
    match Aws::<Queues>::queues_of(config, stack).await {
        Ok(queues) => Ok(queues),
        Err(error) => Err(unread(config, stack, error).await),
    }
}

/// Returns all messages in a sandbox's dead-letter queue, and describes each in a line.
pub(crate) async fn return_all(running: Running) -> anyhow::Result<Vec<String>> {
    let config = connect_as_operator(Some(&endpoint(running))).await?;
    let queues = Aws::<Queues>::queues_of(&config, STACK_NAME)
        .await
        .map_err(readable)?;
    let letters = dead_letters::redrive(&queues, Wish::Return)
        .await
        .map_err(readable)?;
    Ok(letters.iter().map(ToString::to_string).collect())
}

async fn worked_through(queues: &Aws<Queues>, wish: Wish<'_>) -> anyhow::Result<Vec<Described>> {
    dead_letters::redrive(queues, wish)
        .await
        .map_err(readable)
        .context("the dead-letter queue could not be worked through; the command can be repeated")
}

/// How many messages had this fate.
fn messages(letters: &[Described], fate: Fate) -> String {
    let these = letters.iter().filter(|letter| letter.fate == fate);
    counted(these.count(), "message")
}

fn print(letters: &[Described], arguments: &Redrive) {
    if letters.is_empty() {
        say("the dead-letter queue is empty");
        return;
    }
    println!("{}", table(letters));
    let oldest = letters.iter().find_map(|letter| letter.sent_at);
    let since = oldest.map_or_else(String::new, |at| format!(", the oldest of {}", moment(at)));
    let all = counted(letters.len(), "message");
    say(&format!("{all} in the dead-letter queue{since}"));
    if arguments.return_all {
        let returned = messages(letters, Fate::Returned);
        say(&format!("returned {returned} to the work queue"));
        if letters.iter().any(|letter| letter.fate == Fate::Dropped) {
            let calls = messages(letters, Fate::Dropped);
            say(&format!(
                "removed {calls} of a schedule, which repeats them"
            ));
        }
    } else if !arguments.drop {
        say("`cargo towerhook redrive --return` returns them to the work queue");
    }
}

/// The messages, with a few lines each.
fn table(letters: &[Described]) -> Table {
    let mut table = fitted(Some(["since", "kind, about", "why", ""]));
    for letter in letters {
        let since = letter.sent_at.map_or_else(|| "-".to_owned(), moment);
        let kind = format!("{}\n{}", printable(&letter.kind), printable(&letter.about));
        table.add_row([
            Cell::new(since),
            Cell::new(kind),
            Cell::new(printable(&letter.why)),
            Cell::new(letter.fate),
        ]);
    }
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(TIME);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::width::widest;

    fn letter(kind: &str, about: &str, why: &str) -> Described {
        Described {
            id: "1".into(),
            sent_at: "2026-01-11T12:00:00Z".parse().ok(),
            kind: kind.into(),
            about: about.into(),
            why: why.into(),
            fate: Fate::Returned,
        }
    }

    #[test]
    fn messages_fit_into_80_columns_and_a_time_stays_whole() {
        let accounts = ["111122223333"; 5].join(", ") + ", 495 more";
        let why = "the rule towerhook-0123456789abcdef-lifecycle could not deliver it: ".to_owned()
            + &"NO_PERMISSIONS ".repeat(20);
        let shown = table(&[letter(
            "DeregisterOrganizationalUnit",
            &accounts,
            why.trim_end(),
        )]);
        let shown = shown.to_string();
        assert!(widest(&shown) <= 80, "{shown}");
        assert!(shown.contains("2026-01-11 12:00 UTC"), "{shown}");
        assert_eq!(shown.matches("111122223333").count(), 5, "{shown}");
    }

    #[test]
    fn a_table_shows_control_and_direction_characters_and_does_not_obey_them() {
        let shown = table(&[letter("Crea\u{1b}[2Jte", "\u{202e}3\u{2066}", "one\r\ntwo")]);
        let shown = shown.to_string();
        let is_hidden = |text: char| {
            text != '\n' && (text.is_control() || ('\u{200b}'..'\u{2070}').contains(&text))
        };
        assert!(!shown.contains(is_hidden), "{shown:?}");
        for text in [r"\u{1b}[2J", r"\u{202e}3\u{2066}", r"one\r\ntwo"] {
            assert!(shown.contains(text), "{shown}");
        }
    }

    #[test]
    fn one_message_is_not_many() {
        let one = [letter("a", "-", "-")];
        assert_eq!(messages(&one, Fate::Returned), "1 message");
        assert_eq!(messages(&one, Fate::Kept), "0 messages");
    }
}

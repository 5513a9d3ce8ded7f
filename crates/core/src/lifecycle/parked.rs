use super::{Scope, Trigger};

/// A message that was left in the ledger, for whoever holds the lease next.
///
/// Each is told from all others, even of the same content: what is taken up is only what was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parked(String);

impl Parked {
    /// The scope as this invocation leaves it, in pieces of eight kilobytes at most: all that is
    /// parked shares one item of the ledger.
    pub fn of(invocation: &str, scope: &Scope) -> Vec<Self> {
        const ACCOUNTS: usize = 200;
        let messages = scope.messages_of(ACCOUNTS);
        let numbered = messages.iter().enumerate();
        numbered
            .map(|(number, message)| Self(format!("{invocation}/{number} {}", message.to_body())))
            .collect()
    }

    /// As the ledger keeps it.
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// As the ledger keeps it.
    pub fn as_text(&self) -> &str {
        &self.0
    }

    /// What to look at: nothing where the message cannot be understood, since another release left it
    /// and the schedule will see to it.
    pub fn scope(&self) -> Scope {
        let body = self.0.split_once(' ').map(|(_, body)| body);
        match body.map(Trigger::parse) {
            Some(Ok(Trigger::Look { scope, .. })) => scope,
            _ => Scope::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parked_scope_is_the_one_that_was_left() {
        let accounts = (0..201).map(|n| format!("{n:012}").parse().unwrap());
        let scope = accounts
            .map(Scope::arrival)
            .fold(Scope::all(), Scope::merge);
        let parked = Parked::of("invocation", &scope);
        assert_eq!(parked.len(), 3, "everything, 200 accounts, and one");
        let pieces = parked.iter().map(Parked::scope);
        assert_eq!(pieces.fold(Scope::default(), Scope::merge), scope);
        assert!(parked.iter().all(|piece| piece.as_text().len() < 8192));
        for other in Parked::of("another", &scope) {
            assert!(!parked.contains(&other));
        }
        let kept = Parked::from_text(parked[0].as_text().to_owned());
        assert_eq!(kept, parked[0]);
    }

    #[test]
    fn what_another_release_left_is_nothing_to_look_at() {
        for text in ["", "x/0", "x/0 {}", r#"x/0 {"towerhook":{"scope":"new"}}"#] {
            assert!(Parked::from_text(text.into()).scope().is_empty(), "{text}");
        }
    }
}

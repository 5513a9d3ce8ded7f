use super::{Scope, Trigger};

/// A message parked in the ledger for the next lease holder.
///
/// Each is unique, even with the same content: a pass deletes only the messages that it has read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parked(String);

impl Parked {
    /// The most messages in the ledger. They share one item with the deployment, which DynamoDB
    /// limits to 400 KB and charges as a whole for every write: with [`Self::BYTES`] they take half
    /// of it.
    pub const AT_MOST: usize = 100;
    /// The longest message, in bytes.
    const BYTES: usize = 2048;

    /// Splits the scope into messages of this invocation, each of at most [`Self::BYTES`].
    pub fn of(invocation: &str, scope: &Scope) -> Vec<Self> {
        let mut accounts = 128;
        loop {
            let messages = scope.messages_of(accounts);
            let numbered = messages.iter().enumerate();
            let pieces: Vec<_> = numbered
                .map(|(number, message)| {
                    Self(format!("{invocation}/{number} {}", message.to_body()))
                })
                .collect();
            // OUs, and accounts with different attempts, take more space than an id each.
            if accounts == 1 || pieces.iter().all(|piece| piece.0.len() <= Self::BYTES) {
                return pieces;
            }
            accounts /= 2;
        }
    }

    /// How many messages may already be parked so that `more` can be added.
    pub fn room_for(more: usize) -> usize {
        Self::AT_MOST.saturating_sub(more)
    }

    /// Reads the ledger's text.
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The ledger's text.
    pub fn as_text(&self) -> &str {
        &self.0
    }

    /// The scope; empty for a malformed message, which another release has parked and the schedule
    /// makes up for.
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

    fn accounts(count: u32, attempt: impl Fn(u32) -> u32) -> Scope {
        let accounts = (0..count).map(|n| (format!("{n:012}").parse().unwrap(), attempt(n)));
        Scope {
            accounts: accounts.collect(),
            ..Scope::default()
        }
    }

    /// OUs with the longest possible ids.
    fn units(count: u32) -> Scope {
        let ids = (0..count).map(|n| format!("ou-{n:032}-{n:032}").parse().unwrap());
        ids.map(Scope::ou).fold(Scope::default(), Scope::merge)
    }

    #[test]
    fn a_parked_scope_is_the_one_that_was_left_in_pieces_that_fit_the_ledger() {
        let mut arrived = accounts(2000, |_| 0);
        arrived.arrived = arrived.accounts.keys().copied().collect();
        for scope in [
            Scope::all(),
            accounts(1, |_| 3),
            // As many as a batch of ten messages names.
            accounts(5000, |_| 0),
            accounts(5000, |n| n % 10),
            arrived,
            // As many as an organization may have.
            units(2000),
            units(500)
                .merge(accounts(500, |n| n % 10))
                .merge(Scope::all()),
        ] {
            let parked = Parked::of("11112222-3333-4444-5555-666677778888", &scope);
            assert!(
                parked
                    .iter()
                    .all(|piece| piece.as_text().len() <= Parked::BYTES)
            );
            // As few as the limit allows: they share an item that is charged as a whole.
            let bytes: usize = parked.iter().map(|piece| piece.as_text().len()).sum();
            assert!(
                parked.len() <= 1 + 4 * bytes / Parked::BYTES,
                "{}",
                parked.len()
            );
            let pieces = parked.iter().map(Parked::scope);
            assert_eq!(pieces.fold(Scope::default(), Scope::merge), scope);
            for other in Parked::of("another", &scope) {
                assert!(!parked.contains(&other));
            }
            let kept = Parked::from_text(parked[0].as_text().to_owned());
            assert_eq!(kept, parked[0]);
        }
        // Leaves the other half for the deployment.
        const { assert!(Parked::AT_MOST * Parked::BYTES <= 400 * 1024 / 2) };
    }

    #[test]
    fn what_another_release_left_is_nothing_to_look_at() {
        for text in ["", "x/0", "x/0 {}", r#"x/0 {"towerhook":{"scope":"new"}}"#] {
            assert!(Parked::from_text(text.into()).scope().is_empty(), "{text}");
        }
    }
}

//! A move of an account's registration from one store to another: which call follows which answer.

use serde::Serialize;

use super::outcome::{Outcome, Place};
use crate::{
    Result,
    model::{Created, Registration, RegistrationSpec, Store},
};

/// A planned move. The new registration is created first; where the SaaS accepts an account only
/// once, the old one is deleted before, and recreated if the new one cannot be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exchange {
    /// The current ones in other stores; empty if an earlier move was interrupted.
    pub from: Vec<Registration>,
    /// The store to return to if the move fails.
    pub home: Option<Store>,
    /// The destination.
    pub store: Option<Store>,
    /// Its desired state.
    pub spec: RegistrationSpec,
    /// Whether the old one may be deleted before the new one exists.
    pub swap: bool,
}

/// How far an exchange has come: the call that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// Create the new registration next to the old one.
    Create,
    /// Delete the old one, since the new one exists.
    Clear(usize, Place),
    /// Delete the old one, so that the SaaS accepts the new one.
    MakeRoom(usize),
    /// Create the new one after the old one is gone.
    CreateAlone,
    /// Recreate the old one, for this reason.
    PutBack(String),
}

/// A call of an exchange.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Call<'a> {
    /// Create the registration in this store.
    Create(Option<&'a Store>),
    /// Delete one of the old ones.
    Delete(&'a Registration),
}

/// What follows the answer to a call.
#[derive(Debug)]
pub(super) enum Next {
    /// Another call.
    Go(Stage),
    /// Nothing.
    End(Result<Outcome>),
}

impl Exchange {
    /// The call that is due.
    pub(super) fn call(&self, stage: &Stage) -> Call<'_> {
        match stage {
            Stage::Create | Stage::CreateAlone => Call::Create(self.store.as_ref()),
            Stage::PutBack(_) => Call::Create(self.home.as_ref()),
            Stage::Clear(index, _) | Stage::MakeRoom(index) => Call::Delete(&self.from[*index]),
        }
    }

    /// What follows the answer to a creation. Without time for further calls, the account stays as
    /// it is.
    pub(super) fn created(&self, stage: Stage, answer: Result<Created>, has_time: bool) -> Next {
        match (stage, answer) {
            (Stage::PutBack(why), Ok(Created::Done(guid))) => {
                let store = self.home.clone();
                let home = Place {
                    store,
                    guid,
                    gap: true,
                };
                Next::End(Ok(Outcome::MovedBack(home, why)))
            }
            // A call without a response may have taken effect; the next pass reads the result.
            (Stage::PutBack(_), Ok(Created::AlreadyUsed)) => Next::End(Ok(Outcome::AlreadyUsed)),
            (Stage::PutBack(_), Ok(Created::RoleNotAssumable(why))) => {
                Next::End(Ok(Outcome::RoleNotAssumable(why)))
            }
            (Stage::CreateAlone, Ok(Created::Done(guid))) => {
                let created = Created::Done(guid);
                Next::End(Ok(Outcome::of(created, self.store.clone(), true)))
            }
            (Stage::CreateAlone, Ok(Created::RoleNotAssumable(why))) => {
                Next::Go(Stage::PutBack(why))
            }
            (Stage::CreateAlone, Ok(Created::AlreadyUsed)) => {
                let why = "another registration watches it already".to_owned();
                Next::Go(Stage::PutBack(why))
            }
            (Stage::CreateAlone, Err(error)) => Next::Go(Stage::PutBack(error.chain())),
            (_, Ok(Created::AlreadyUsed)) if self.swap && !has_time => {
                Next::End(Ok(Outcome::OutOfTime))
            }
            (_, Ok(Created::AlreadyUsed)) if self.swap => {
                self.deletion(0, Stage::MakeRoom, || Next::Go(Stage::CreateAlone))
            }
            // The account is unwatched, so its registration returns to the old store.
            (_, Ok(Created::RoleNotAssumable(why))) if self.from.is_empty() => {
                Next::Go(Stage::PutBack(why))
            }
            (_, Ok(created)) => match Outcome::of(created, self.store.clone(), false) {
                Outcome::Enrolled(place) => self.cleared(0, place),
                other => Next::End(Ok(other)),
            },
            (_, Err(error)) => Next::End(Err(error)),
        }
    }

    /// What follows the answer to a deletion.
    pub(super) fn deleted(&self, stage: Stage, answer: Result<()>) -> Next {
        match (stage, answer) {
            (_, Err(error)) => Next::End(Err(error)),
            (Stage::Clear(index, place), Ok(())) => self.cleared(index + 1, place),
            (Stage::MakeRoom(index), Ok(())) => {
                self.deletion(index + 1, Stage::MakeRoom, || Next::Go(Stage::CreateAlone))
            }
            (stage, Ok(())) => Next::Go(stage),
        }
    }

    fn cleared(&self, index: usize, place: Place) -> Next {
        let end = place.clone();
        let clear = |index| Stage::Clear(index, place);
        self.deletion(index, clear, || Next::End(Ok(Outcome::Enrolled(end))))
    }

    /// The deletion of the old registration with this index, or what follows the last one.
    fn deletion(
        &self,
        index: usize,
        stage: impl FnOnce(usize) -> Stage,
        end: impl FnOnce() -> Next,
    ) -> Next {
        if index < self.from.len() {
            Next::Go(stage(index))
        } else {
            end()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Error, ErrorKind,
        policy::testing::policy,
        provider::{Provider, plain::Plain},
    };

    fn exchange(old: usize, swap: bool) -> Exchange {
        let spec = Plain
            .wanted(&policy(), &"000000000007".parse().unwrap())
            .unwrap();
        let from = (0..old).map(|n| Registration::made(&spec, format!("OLD_{n}")));
        Exchange {
            from: from.collect(),
            home: Some("old".into()),
            store: Some("new".into()),
            spec,
            swap,
        }
    }

    fn done() -> Result<Created> {
        Ok(Created::Done(Some("NEW".into())))
    }

    fn used() -> Result<Created> {
        Ok(Created::AlreadyUsed)
    }

    fn unusable() -> Result<Created> {
        Ok(Created::RoleNotAssumable("AccessDenied".into()))
    }

    fn lost() -> Result<Created> {
        Err(Error::new(
            "registry:Create",
            ErrorKind::Unavailable,
            "reset",
        ))
    }

    /// The calls that follow these answers to creations, and the end.
    fn calls(exchange: &Exchange, answers: Vec<Result<Created>>) -> (Vec<String>, String) {
        let mut answers = answers.into_iter();
        let (mut stage, mut calls) = (Stage::Create, Vec::new());
        loop {
            let next = match exchange.call(&stage) {
                Call::Create(store) => {
                    calls.push(format!("create in {}", store.unwrap()));
                    let answer = answers.next().unwrap();
                    exchange.created(stage, answer, true)
                }
                Call::Delete(existing) => {
                    calls.push(format!("delete {}", existing.guid));
                    exchange.deleted(stage, Ok(()))
                }
            };
            match next {
                Next::Go(next) => stage = next,
                Next::End(end) => {
                    assert_eq!(answers.next().map(|_| ()), None, "{calls:?}");
                    let end = match end {
                        Ok(Outcome::Enrolled(place)) => format!("enrolled, gap: {}", place.gap),
                        Ok(Outcome::MovedBack(place, why)) => {
                            format!("back in {}: {why}", place.store.unwrap())
                        }
                        Ok(other) => format!("{other:?}"),
                        Err(error) => error.chain(),
                    };
                    return (calls, end);
                }
            }
        }
    }

    #[test]
    fn where_an_account_may_be_twice_the_old_ones_go_after_the_new_one_exists() {
        let (calls, end) = calls(&exchange(2, true), vec![done()]);
        assert_eq!(calls, ["create in new", "delete OLD_0", "delete OLD_1"]);
        assert_eq!(end, "enrolled, gap: false");
    }

    #[test]
    fn where_it_may_be_only_once_the_old_one_makes_room_and_comes_back_after_a_failure() {
        let once = exchange(1, true);
        let (order, end) = calls(&once, vec![used(), done()]);
        assert_eq!(order, ["create in new", "delete OLD_0", "create in new"]);
        assert_eq!(end, "enrolled, gap: true");
        for (failure, why) in [
            (unusable(), "AccessDenied"),
            (used(), "another registration watches it already"),
            (lost(), "registry:Create failed: reset"),
        ] {
            let (order, end) = calls(&once, vec![used(), failure, done()]);
            assert_eq!(order[2..], ["create in new", "create in old"]);
            assert_eq!(end, format!("back in old: {why}"));
        }
    }

    #[test]
    fn without_leave_to_swap_or_time_for_it_the_old_one_stays() {
        let (order, end) = calls(&exchange(1, false), vec![used()]);
        assert_eq!((order.len(), end.as_str()), (1, "AlreadyUsed"));
        let late = exchange(1, true).created(Stage::Create, used(), false);
        assert!(
            matches!(late, Next::End(Ok(Outcome::OutOfTime))),
            "{late:?}"
        );
    }

    #[test]
    fn a_role_that_is_refused_leaves_a_watched_account_and_brings_back_a_stranded_one() {
        let (order, end) = calls(&exchange(1, true), vec![unusable()]);
        assert_eq!(order, ["create in new"]);
        assert_eq!(end, r#"RoleNotAssumable("AccessDenied")"#);
        let (order, end) = calls(&exchange(0, true), vec![unusable(), done()]);
        assert_eq!(order, ["create in new", "create in old"]);
        assert_eq!(end, "back in old: AccessDenied");
        let (_, end) = calls(&exchange(0, true), vec![unusable(), used()]);
        assert_eq!(end, "AlreadyUsed");
    }

    #[test]
    fn a_call_that_fails_ends_it() {
        let (order, end) = calls(&exchange(1, true), vec![lost()]);
        assert_eq!(
            (order.len(), end.as_str()),
            (1, "registry:Create failed: reset")
        );
        let gone = Error::new("registry:Delete", ErrorKind::Denied, "no");
        let ended = exchange(1, true).deleted(Stage::MakeRoom(0), Err(gone));
        assert!(matches!(ended, Next::End(Err(_))), "{ended:?}");
    }
}

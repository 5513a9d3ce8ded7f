use jiff::{SignedDuration, Timestamp};
use towerhook_core::{
    ErrorKind, Result,
    ledger::{
        Holder, Lease, LeaseState, Parking, REMEMBERED, Record, Recorded, Records, Success, Taken,
        Unreadable, admitted,
    },
    lifecycle::Parked,
    model::AccountId,
    policy::Deployment,
    ports::{Leases, LedgerReads, LedgerWrites},
};

use super::Ports;
use crate::{
    faults::error,
    rates::{QUERY_BYTES, WRITES_A_TRANSACTION, pages},
    safety,
    state::{KeptLedger, State},
};

/// The most parked items, low enough that they are often merged.
const PARKED_IN_HISTORIES: usize = 6;

/// The longest lifetime of an invocation, plus a margin for clock skew.
pub(super) const LONGEST_LEASE: SignedDuration = SignedDuration::from_secs(906);

/// The state of the lease for `holder`; `None` only reads it.
fn state_for(ledger: &KeptLedger, holder: Option<&Holder>, now: Timestamp) -> LeaseState {
    let others = |held: &Option<(Holder, Timestamp)>| {
        let other = held.as_ref().filter(|(other, _)| Some(other) != holder);
        other.map(|(_, ends)| *ends).filter(|ends| *ends > now)
    };
    if others(&ledger.lease).is_some() {
        return LeaseState::Held;
    }
    let has_it = ledger.lease.as_ref().map(|(has_it, _)| has_it);
    if holder.is_some() && has_it == holder {
        return LeaseState::Free { not_before: now };
    }
    let reservation = ledger.reservation.as_ref();
    let is_reserved = reservation.is_some_and(|(reserved_for, _)| Some(reserved_for) == holder);
    let rests = ledger.cooldown_until.filter(|_| !is_reserved);
    let until = others(&ledger.reservation).max(rests);
    LeaseState::Free {
        not_before: until.map_or(now, |until| until.max(now)),
    }
}

fn require_holder(ledger: &KeptLedger, by: &Holder) -> Result<()> {
    let has_it = ledger.lease.as_ref().map(|(holder, _)| holder);
    if has_it == Some(by) {
        return Ok(());
    }
    Err(error("dynamodb:UpdateItem", ErrorKind::Conflict))
}

impl Leases for Ports {
    async fn take_lease(
        &self,
        holder: &Holder,
        from: Option<&Holder>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Lease> {
        self.caller.holder.replace(Some(holder.clone()));
        self.call("dynamodb:UpdateItem", |state, at| {
            if until.duration_since(now) > LONGEST_LEASE {
                let text = format!("{} asks for the lease until {until}", self.caller.name);
                state.violate(at, text);
            }
            let ledger = &mut state.ledger;
            let lease_state = state_for(ledger, Some(holder), now);
            if let Holder::Setup { admitted, .. } = holder
                && ledger.newest > Some(*admitted)
            {
                return Ok(Lease::Overtaken);
            }
            let before = ledger.lease.clone();
            let overtakes = before
                .as_ref()
                .is_some_and(|(other, _)| holder.supersedes(other) || Some(other) == from);
            let is_free = lease_state == LeaseState::Free { not_before: now };
            let is_shared = before
                .as_ref()
                .is_some_and(|(other, _)| match (other, holder) {
                    (Holder::Setup { admitted, .. }, Holder::Setup { admitted: own, .. }) => {
                        admitted == own
                    }
                    _ => false,
                });
            let lease = if !is_free && !overtakes && is_shared {
                Lease::Shared
            } else if !is_free && !overtakes {
                Lease::Refused(lease_state)
            } else {
                ledger.lease = Some((holder.clone(), until));
                ledger.wake_up_sent_at = None;
                ledger.reservation = None;
                let begun = ledger.begun.iter();
                let unfinished = begun.filter(|begun| *begun != holder).count();
                if matches!(holder, Holder::Pass(_)) {
                    ledger.begun.insert(holder.clone());
                }
                if let Holder::Setup { admitted, .. } = holder {
                    ledger.newest = Some(*admitted);
                }
                let success = ledger.recorded.success.as_ref();
                Lease::Taken(Box::new(Taken {
                    deployment: success.map(|success| success.deployment.clone()),
                    parked: ledger.parked.iter().cloned().collect(),
                    unreadable: ledger.unreadable.clone(),
                    compared: ledger.recorded.compared,
                    unfinished,
                    superseded: before.is_some_and(|(other, ends)| {
                        matches!(other, Holder::Setup { .. })
                            && matches!(holder, Holder::Setup { .. })
                            && Some(&other) != from
                            && ends > now
                    }),
                }))
            };
            let has_it = ledger.lease.clone().map(|(holder, _)| holder);
            state.say(at, || {
                format!(
                    "{} asks for the lease as {holder:?}: {has_it:?} has it",
                    self.caller.name
                )
            });
            Ok(lease)
        })
        .await
    }

    async fn holds_lease(&self, holder: &Holder) -> Result<bool> {
        self.call("dynamodb:GetItem", |state, _| {
            let lease = state.ledger.lease.as_ref();
            Ok(lease.is_some_and(|(other, _)| other == holder))
        })
        .await
    }

    async fn reserve_lease(&self, holder: &Holder, until: Timestamp) -> Result<()> {
        self.call("dynamodb:UpdateItem", |state, _| {
            state.ledger.reservation = Some((holder.clone(), until));
            Ok(())
        })
        .await
    }

    async fn release_lease(&self, holder: &Holder) -> Result<()> {
        self.call("dynamodb:UpdateItem", |state, _| {
            let ledger = &mut state.ledger;
            if ledger.lease.take_if(|(other, _)| other == holder).is_some() {
                ledger.wake_up_sent_at = None;
                ledger.begun.clear();
            }
            Ok(())
        })
        .await
    }

    async fn park(
        &self,
        parked: &[Parked],
        replaced: &[Parked],
        now: Timestamp,
    ) -> Result<Parking> {
        self.call("dynamodb:UpdateItem", |state, _| {
            let room = Parked::room_for(parked.len());
            let room = if state.options.true_to_scale {
                room
            } else {
                room.min(PARKED_IN_HISTORIES - 1)
            };
            let ledger = &mut state.ledger;
            let is_refused = match replaced {
                [] => ledger.parked.len() > room,
                replaced => !ledger.parked.iter().eq(replaced),
            };
            if is_refused {
                return Ok(Parking::Refused(ledger.parked.iter().cloned().collect()));
            }
            if !replaced.is_empty() {
                ledger.parked.clear();
            }
            ledger.parked.extend(parked.iter().cloned());
            let wake_up_sent_at = ledger.wake_up_sent_at;
            ledger.wake_up_sent_at.get_or_insert(now);
            let lease = state_for(ledger, None, now);
            Ok(Parking::Kept {
                lease,
                wake_up_sent_at,
            })
        })
        .await
    }

    async fn close_pass(
        &self,
        holder: &Holder,
        records: &[(AccountId, Option<Record>)],
        done: &[Parked],
        cooldown_until: Timestamp,
        compared: Option<Timestamp>,
    ) -> Result<bool> {
        let operation = match records {
            [] => "dynamodb:UpdateItem",
            _ => "dynamodb:TransactWriteItems",
        };
        let transactions = pages(records.len() + 1, WRITES_A_TRANSACTION);
        self.more(operation, transactions - 1).await?;
        self.call(operation, |state, now| {
            let lease = &mut state.ledger.lease;
            if lease.take_if(|(other, _)| other == holder).is_none() {
                return Err(error(operation, ErrorKind::Conflict));
            }
            state.ledger.cooldown_until = Some(cooldown_until);
            state.ledger.begun.clear();
            let recorded = &mut state.ledger.recorded;
            recorded.compared = compared.or(recorded.compared);
            state.ledger.parked.retain(|parked| !done.contains(parked));
            if !records.is_empty() {
                self.keep(state, now, records);
            }
            Ok(state.ledger.wake_up_sent_at.is_some())
        })
        .await
    }

    async fn admit(&self, request: &str, seen: Timestamp) -> Result<Timestamp> {
        self.more("dynamodb:GetItem", 1).await?;
        self.call("dynamodb:PutItem", |state, _| {
            let requests = &mut state.ledger.requests;
            let known = requests.iter().find(|(known, _)| known == request);
            if let Some((_, admitted)) = known {
                return Ok(*admitted);
            }
            let admitted = admitted(requests, seen);
            requests.push((request.to_owned(), admitted));
            let surplus = requests.len().saturating_sub(REMEMBERED);
            requests.drain(..surplus);
            Ok(admitted)
        })
        .await
    }
}

impl LedgerReads for Ports {
    async fn recorded(&self) -> Result<Recorded> {
        self.call("dynamodb:Query", |state, _| {
            Ok(state.ledger.recorded.clone())
        })
        .await
    }

    async fn records(&self) -> Result<Records> {
        let call = "dynamodb:Query";
        let (records, bytes) = self
            .call(call, |state, _| {
                let bytes: usize = state.ledger.sizes.values().sum();
                let records = Records {
                    by_account: state.ledger.records.clone(),
                    unreadable: state.ledger.garbage.clone(),
                };
                Ok((records, bytes))
            })
            .await?;
        self.more(call, pages(bytes, QUERY_BYTES) - 1).await?;
        Ok(records)
    }
}

impl LedgerWrites for Ports {
    async fn store_attempt(&self, by: &Holder, attempt: &Deployment) -> Result<()> {
        self.call("dynamodb:TransactWriteItems", |state, now| {
            require_holder(&state.ledger, by)?;
            self.write(state, now, || "records an attempt".into());
            state.ledger.recorded.attempt = Some(attempt.clone());
            Ok(())
        })
        .await
    }

    async fn store_success(
        &self,
        by: &Holder,
        success: &Success,
        previous: Option<&Success>,
    ) -> Result<()> {
        self.call("dynamodb:TransactWriteItems", |state, now| {
            require_holder(&state.ledger, by)?;
            self.write(state, now, || "records a success".into());
            let recorded = &mut state.ledger.recorded;
            recorded.success = Some(success.clone());
            recorded.attempt = None;
            if let Some(previous) = previous {
                recorded.previous = Some(previous.clone());
            }
            Ok(())
        })
        .await
    }

    async fn store_deployment(&self, by: &Holder, deployment: &Deployment) -> Result<()> {
        self.call("dynamodb:UpdateItem", |state, now| {
            require_holder(&state.ledger, by)?;
            self.write(state, now, || "stores the deployment".into());
            if let Some(success) = &mut state.ledger.recorded.success {
                success.deployment = deployment.clone();
            }
            Ok(())
        })
        .await
    }

    async fn store_unreadable(&self, by: &Holder, unreadable: &Unreadable) -> Result<()> {
        self.call("dynamodb:UpdateItem", |state, _| {
            require_holder(&state.ledger, by)?;
            state.ledger.unreadable = unreadable.clone();
            Ok(())
        })
        .await
    }

    async fn protect(&self, is_protected: bool) -> Result<()> {
        self.call("dynamodb:UpdateTable", |state, now| {
            self.write(state, now, || {
                format!("protects the ledger: {is_protected}")
            });
            state.ledger.is_protected = is_protected;
            Ok(())
        })
        .await
    }

    async fn external_id_suffix(&self, fresh: &str) -> Result<String> {
        self.more("dynamodb:GetItem", 1).await?;
        self.call("dynamodb:PutItem", |state, _| {
            let suffix = state.ledger.suffix.get_or_insert_with(|| fresh.to_owned());
            Ok(suffix.clone())
        })
        .await
    }

    async fn store_records(&self, records: &[(AccountId, Option<Record>)]) -> Result<()> {
        let call = "dynamodb:TransactWriteItems";
        let transactions = pages(records.len(), WRITES_A_TRANSACTION);
        self.more(call, transactions - 1).await?;
        self.call(call, |state, now| {
            self.keep(state, now, records);
            Ok(())
        })
        .await
    }
}

impl Ports {
    fn keep(&self, state: &mut State, now: Timestamp, records: &[(AccountId, Option<Record>)]) {
        self.write(state, now, || {
            let text = |(id, record): &(AccountId, Option<Record>)| match record {
                Some(record) => format!("{id} {record:?}"),
                None => format!("{id} forgotten"),
            };
            records.iter().map(text).collect::<Vec<_>>().join("; ")
        });
        if state.options.true_to_scale {
            let sizes = records.iter().map(|(id, record)| (*id, size(record)));
            state.ledger.sizes.extend(sizes);
        }
        for (id, record) in records {
            if record.as_ref().is_some_and(|record| record.since.is_some()) {
                safety::enrolled(state, now, *id);
            }
        }
        // A registration that the SaaS accepted and never listed counts as enrolled, too, until
        // that shows.
        let enrolled = records
            .iter()
            .filter(|(_, record)| record.as_ref().is_some_and(|record| record.since.is_some()));
        state
            .ever_watched
            .extend(enrolled.map(|(id, _)| (*id, now)));
        for (id, record) in records.iter().cloned() {
            match record {
                Some(record) => state.ledger.records.insert(id, record),
                None => state.ledger.records.remove(&id),
            };
        }
    }
}

/// The size of a record as DynamoDB counts it: names and values of the keys and of the document.
fn size(record: &Option<Record>) -> usize {
    const KEYS: usize = "kind".len() + "account".len() + "id".len() + 12 + "document".len();
    let document = record.as_ref().map(serde_json::to_string);
    document.map_or(0, |document| KEYS + document.unwrap().len())
}

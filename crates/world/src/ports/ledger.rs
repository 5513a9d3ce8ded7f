use std::collections::BTreeMap;

use jiff::Timestamp;
use towerhook_core::{
    ErrorKind, Result,
    enrollment::{Deployment, Record},
    lifecycle::Parked,
    model::AccountId,
    ports::{Lease, Ledger, Parking, Standing},
};

use super::Ports;
use crate::{
    faults::error,
    rates::{QUERY_BYTES, WRITES_A_TRANSACTION, pages},
    state::{KeptLedger, State},
};

/// How many pieces may be parked.
const PARKED_AT_MOST: usize = 100;
/// So few that they are often put together.
const PARKED_IN_HISTORIES: usize = 6;

/// How the lease stands for `owner`.
fn standing(ledger: &KeptLedger, owner: &str, now: Timestamp) -> Standing {
    let others = |held: &Option<(String, Timestamp)>| {
        let other = held.as_ref().filter(|(holder, _)| holder != owner);
        other.map(|(_, ends)| *ends).filter(|ends| *ends > now)
    };
    if others(&ledger.lease).is_some() {
        return Standing::Held;
    }
    let reservation = ledger.reservation.as_ref();
    let is_reserved = reservation.is_some_and(|(reserved_for, _)| reserved_for == owner);
    let rests = ledger.rests_until.filter(|_| !is_reserved);
    let until = others(&ledger.reservation).max(rests);
    Standing::Resting(until.map_or(now, |until| until.max(now)))
}

impl Ledger for Ports {
    async fn take_lease(&self, owner: &str, now: Timestamp, until: Timestamp) -> Result<Lease> {
        self.call("dynamodb:UpdateItem", |state, at| {
            let ledger = &mut state.ledger;
            let standing = standing(ledger, owner, now);
            let lease = if standing != Standing::Resting(now) {
                Lease::Refused(standing)
            } else {
                ledger.lease = Some((owner.to_owned(), until));
                ledger.called_at = None;
                Lease::Taken {
                    deployment: ledger.deployment.clone().map(Box::new),
                    parked: ledger.parked.iter().cloned().collect(),
                }
            };
            let holder = ledger.lease.as_ref();
            let holder = holder.map(|(holder, _)| holder.clone()).unwrap_or_default();
            state.say(at, || {
                format!("{owner} asks for the lease: {holder:?} has it")
            });
            Ok(lease)
        })
        .await
    }

    async fn reserve_lease(&self, owner: &str, until: Timestamp) -> Result<()> {
        self.call("dynamodb:UpdateItem", |state, _| {
            state.ledger.reservation = Some((owner.to_owned(), until));
            Ok(())
        })
        .await
    }

    async fn release_lease(&self, owner: &str) -> Result<()> {
        self.call("dynamodb:UpdateItem", |state, _| {
            state.ledger.lease.take_if(|(holder, _)| holder == owner);
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
            let most = if state.options.true_to_scale {
                PARKED_AT_MOST
            } else {
                PARKED_IN_HISTORIES
            };
            let ledger = &mut state.ledger;
            let is_refused = match replaced {
                [] => ledger.parked.len() >= most,
                replaced => !ledger.parked.iter().eq(replaced),
            };
            if is_refused {
                return Ok(Parking::Refused(ledger.parked.iter().cloned().collect()));
            }
            if !replaced.is_empty() {
                ledger.parked.clear();
            }
            ledger.parked.extend(parked.iter().cloned());
            let called_at = ledger.called_at;
            ledger.called_at.get_or_insert(now);
            let lease = standing(ledger, "", now);
            Ok(Parking::Kept { lease, called_at })
        })
        .await
    }

    async fn close_pass(
        &self,
        owner: &str,
        records: &[(AccountId, Option<Record>)],
        done: &[Parked],
        rests_until: Timestamp,
    ) -> Result<bool> {
        let operation = match records {
            [] => "dynamodb:UpdateItem",
            _ => "dynamodb:TransactWriteItems",
        };
        let transactions = pages(records.len() + 1, WRITES_A_TRANSACTION);
        self.more(operation, transactions - 1).await?;
        self.call(operation, |state, now| {
            let lease = &mut state.ledger.lease;
            if lease.take_if(|(holder, _)| holder == owner).is_none() {
                return Err(error(operation, ErrorKind::Conflict));
            }
            state.ledger.rests_until = Some(rests_until);
            state.ledger.parked.retain(|parked| !done.contains(parked));
            if !records.is_empty() {
                self.keep(state, now, records);
            }
            Ok(state.ledger.called_at.is_some())
        })
        .await
    }

    async fn deployment(&self) -> Result<Option<Deployment>> {
        self.call("dynamodb:GetItem", |state, _| {
            Ok(state.ledger.deployment.clone())
        })
        .await
    }

    async fn store_deployment(&self, deployment: &Deployment) -> Result<()> {
        self.call("dynamodb:UpdateItem", |state, now| {
            self.write(state, now, || "stores the deployment".into());
            state.ledger.deployment = Some(deployment.clone());
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

    async fn records(&self) -> Result<BTreeMap<AccountId, Record>> {
        let call = "dynamodb:Query";
        let (records, bytes) = self
            .call(call, |state, _| {
                let bytes: usize = state.ledger.sizes.values().sum();
                Ok((state.ledger.records.clone(), bytes))
            })
            .await?;
        self.more(call, pages(bytes, QUERY_BYTES) - 1).await?;
        Ok(records)
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
        for (id, record) in records.iter().cloned() {
            match record {
                Some(record) => state.ledger.records.insert(id, record),
                None => state.ledger.records.remove(&id),
            };
        }
    }
}

/// The bytes of a record as the table counts them: names and values of the keys and of the document.
fn size(record: &Option<Record>) -> usize {
    const KEYS: usize = "kind".len() + "account".len() + "id".len() + 12 + "document".len();
    let document = record.as_ref().map(serde_json::to_string);
    document.map_or(0, |document| KEYS + document.unwrap().len())
}

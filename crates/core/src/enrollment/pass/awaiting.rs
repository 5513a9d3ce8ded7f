//! Looks at running StackSet operations, without the lease and with one call each.

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;

use crate::{
    Result,
    lifecycle::Scope,
    ports::{AccountPorts, StackSetReads},
    stack_sets::{Operation, OperationState},
};

/// The most operations that one invocation asks about. Our own messages name fewer.
const AT_MOST: usize = 10;

/// The scope with the accounts whose operations have ended; those of running ones are requeued.
///
/// # Errors
///
/// The accounts could not be requeued.
pub(super) async fn after_operations(ports: &impl AccountPorts, mut scope: Scope) -> Result<Scope> {
    let awaiting = std::mem::take(&mut scope.awaiting);
    let asked = awaiting.into_iter().enumerate();
    let asked = asked.map(async |(number, (operation, waiting))| {
        // An account that something else names is looked at now anyway.
        let waits = number < AT_MOST
            && waiting.has_looks_left()
            && !scope.includes(&waiting.scope)
            && is_running(ports, &operation).await;
        (operation, waiting, waits)
    });
    let answers = join_all(asked).await;
    let mut running: BTreeMap<Duration, Scope> = BTreeMap::new();
    for (operation, waiting, waits) in answers {
        if waits {
            let waiting = waiting.after_a_look();
            let again = running.entry(waiting.delay()).or_default();
            again.awaiting.insert(operation, waiting);
        } else {
            scope = scope.merge(waiting.scope);
        }
    }
    for (delay, scope) in running {
        ports.send(&scope.messages(), delay).await?;
    }
    Ok(scope)
}

/// Whether the operation is known to be running. A pass finds out about anything else.
async fn is_running(stack_sets: &impl StackSetReads, operation: &Operation) -> bool {
    let Operation { stack_set, id } = operation;
    match stack_sets.operation(stack_set, id).await {
        Ok(state) => state == OperationState::InProgress,
        Err(error) => {
            tracing::warn!(error = error.chain(), "operation not read");
            false
        }
    }
}

use futures::{StreamExt, stream};
use jiff::Timestamp;
use tokio::join;
use towerhook_core::{
    Error, ErrorKind, Read, Result,
    ledger::Recorded,
    model::RegistrationKind,
    ports::{
        AlarmState, Inspection, LedgerReads, MainStack, RegistryReads, StackResource,
        StackSetReads, TokenReads,
    },
    provider::Credential,
    stack_sets::StackInstance,
};

use super::{Deployed, Settings, within};
use crate::doctor::{Part, StackFacts};

/// How many parts are asked about at the same time.
const AT_ONCE: usize = 4;

/// What setup and the last comparison recorded.
pub(super) async fn recorded<L: LedgerReads, R>(
    deployed: Read<&Deployed<'_, L, R>>,
) -> Read<Recorded> {
    match deployed {
        Read::Ok(deployed) => within(deployed.ledger.recorded()).await,
        Read::Unknown(why) => Read::Unknown(why),
    }
}

/// Reads what the key's user may read.
pub(super) async fn rights(settings: &Settings, registry: &impl RegistryReads) -> Result<()> {
    let given = registry.host();
    let recorded = settings.deployment.as_ref().map(|one| &one.policy.host);
    if let Some(recorded) = recorded.filter(|recorded| **recorded != given) {
        // The token would go to the wrong place.
        let why = format!("the deployment uses {recorded}, and the functions were given {given}");
        return Err(Error::new("registry:Profile", ErrorKind::Invalid, why).of_registry());
    }
    registry.profile().await?;
    registry
        .registrations(None, RegistrationKind::Account)
        .await?;
    Ok(())
}

/// The stack and its parts.
pub(super) async fn read<L: TokenReads, R>(
    ports: &(impl Inspection + StackSetReads),
    settings: &Settings,
    stack: Read<&Option<MainStack>>,
    recorded: Read<&Recorded>,
    deployed: Read<&Deployed<'_, L, R>>,
) -> Read<Option<StackFacts>> {
    let stack = match stack {
        Read::Ok(None) => return Read::Ok(None),
        Read::Unknown(why) => return Read::Unknown(why),
        Read::Ok(Some(stack)) => stack,
    };
    let resources = within(ports.resources(&stack.id)).await;
    let of_kind = |kind: &str| {
        let of_kind = |all: &Vec<StackResource>| {
            let these = all
                .iter()
                .filter(|one| one.kind == kind && !one.physical_id.is_empty());
            these.cloned().collect::<Vec<_>>()
        };
        resources.as_ref().map(of_kind)
    };
    let (functions, rules, mappings, alarms, dead_letters, token_ends, members) = join!(
        parts(of_kind("AWS::Lambda::Function"), async |name| ports
            .function(name)
            .await),
        parts(of_kind("AWS::Events::Rule"), async |name| ports
            .rule(name)
            .await),
        parts(of_kind("AWS::Lambda::EventSourceMapping"), async |id| ports
            .mapping(id)
            .await),
        alarms(ports, of_kind("AWS::CloudWatch::Alarm")),
        dead_letters(ports, stack),
        token_ends(settings, deployed),
        members(ports, settings),
    );
    Read::Ok(Some(StackFacts {
        stack: stack.clone(),
        functions,
        rules,
        mappings,
        dead_letters,
        alarms,
        compared_at: recorded.map(|recorded| recorded.compared),
        token_ends,
        members,
    }))
}

async fn parts<T>(
    resources: Read<Vec<StackResource>>,
    ask: impl AsyncFn(&str) -> Result<Option<T>>,
) -> Read<Vec<Part<T>>> {
    let resources = match resources {
        Read::Ok(resources) => resources,
        Read::Unknown(why) => return Read::Unknown(why),
    };
    let ask = &ask;
    let asked = stream::iter(resources).map(async |resource| Part {
        state: within(ask(&resource.physical_id)).await,
        logical_id: resource.logical_id,
        name: resource.physical_id,
    });
    Read::Ok(asked.buffered(AT_ONCE).collect().await)
}

async fn alarms(
    ports: &impl Inspection,
    resources: Read<Vec<StackResource>>,
) -> Read<Vec<AlarmState>> {
    match resources {
        Read::Unknown(why) => Read::Unknown(why),
        Read::Ok(resources) => {
            let names = resources.into_iter().map(|one| one.physical_id);
            within(ports.alarms(&names.collect::<Vec<_>>())).await
        }
    }
}

async fn dead_letters(ports: &impl Inspection, stack: &MainStack) -> Read<u64> {
    match stack.outputs.get("DeadLetterQueueUrl") {
        Some(url) => within(ports.waiting(url)).await,
        None => Read::Unknown("The stack has no output DeadLetterQueueUrl.".to_owned()),
    }
}

async fn token_ends<L: TokenReads, R>(
    settings: &Settings,
    deployed: Read<&Deployed<'_, L, R>>,
) -> Option<Read<Option<Timestamp>>> {
    if settings.provider.credential() == Credential::None {
        return None;
    }
    Some(match deployed {
        Read::Unknown(why) => Read::Unknown(why),
        Read::Ok(deployed) => {
            let token = within(deployed.ledger.token()).await;
            token.map(|token| token.map(|token| token.expires_at))
        }
    })
}

async fn members(ports: &impl StackSetReads, settings: &Settings) -> Read<Vec<StackInstance>> {
    match &settings.deployment {
        None => Read::Unknown("The ledger has no deployment that was read.".to_owned()),
        Some(deployment) => {
            let names = settings.provider.resources(&deployment.policy.names);
            within(ports.instances(&names.member_stack_set, None)).await
        }
    }
}

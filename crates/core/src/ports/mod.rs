//! One trait per capability that we use, with the outcomes of each operation as its result.
//!
//! An adapter translates and nothing else. A listing is complete or an error, never partial.

#![allow(
    async_fn_in_trait,
    reason = "implementations are named types, never `dyn`"
)]

mod clock;
mod dead_letters;
mod inspection;
mod leases;
mod main_stacks;
mod operations;
mod reads;
mod registry;
mod writes;

pub use clock::Clock;
pub use dead_letters::{DeadLetter, DeadLetters, ReturnTo, Undelivered};
pub use inspection::{
    AlarmState, ArtifactInspection, AttachedPolicy, BucketPlace, Caller, FunctionState, Inspection,
    PolicyInspection, StackInspection, StackResource, StoredObject, ZoneInspection, ZoneStatus,
};
pub use leases::Leases;
pub use main_stacks::{
    MainStack, MainStackReads, MainStackWrites, Setting, StackEvent, StackRequest, TemplateSource,
};
pub(crate) use operations::hour;
pub use operations::{Running, start_operation};
pub use reads::{
    Accounts, BucketNotificationReads, ForeignResources, Keys, LandingZones, LedgerReads, Roles,
    StackReads, StackSetReads, TokenReads,
};
pub(crate) use registry::CALL_RESERVE;
pub use registry::{Registry, RegistryReads, RegistryWrites, TokenIssuer};
pub use writes::{
    Answers, BucketNotificationWrites, EventBus, EvidenceWrites, FanOut, Functions, Ledger,
    LedgerWrites, Messages, StackSetWrites, StackSets, StackWrites, Stacks, TokenWrites, Tokens,
    TrailTopics,
};

/// What a pass of the account function looks at in AWS.
pub trait AccountReads:
    Accounts + LandingZones + BucketNotificationReads + StackSetReads + LedgerReads + TokenReads
{
}
impl<T> AccountReads for T where
    T: Accounts + LandingZones + BucketNotificationReads + StackSetReads + LedgerReads + TokenReads
{
}

/// All AWS ports of the account function.
pub trait AccountPorts:
    AccountReads
    + BucketNotificationWrites
    + StackSetWrites
    + Leases
    + LedgerWrites
    + Messages
    + TokenWrites
    + Functions
{
}
impl<T> AccountPorts for T where
    T: AccountReads
        + BucketNotificationWrites
        + StackSetWrites
        + Leases
        + LedgerWrites
        + Messages
        + TokenWrites
        + Functions
{
}

/// What setup looks at in AWS before it plans.
pub trait FoundationReads:
    Accounts + LandingZones + BucketNotificationReads + StackSetReads + StackReads
{
}
impl<T> FoundationReads for T where
    T: Accounts + LandingZones + BucketNotificationReads + StackSetReads + StackReads
{
}

/// All AWS ports that reconciling the foundation takes.
pub trait FoundationPorts:
    FoundationReads + TrailTopics + BucketNotificationWrites + StackSetWrites + StackWrites
{
}
impl<T> FoundationPorts for T where
    T: FoundationReads + TrailTopics + BucketNotificationWrites + StackSetWrites + StackWrites
{
}

/// All AWS ports of the setup function.
pub trait SetupPorts:
    FoundationPorts + ForeignResources + Roles + Leases + Ledger + FanOut + Keys + Tokens + Functions
{
}
impl<T> SetupPorts for T where
    T: FoundationPorts
        + ForeignResources
        + Roles
        + Leases
        + Ledger
        + FanOut
        + Keys
        + Tokens
        + Functions
{
}

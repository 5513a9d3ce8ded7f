//! Identifiers and texts that are validated once and trusted from then on.

mod account_mapping;
mod arn;
mod host;
mod ids;
mod names;
mod registration;
mod secret;
mod token;
mod units;

pub use account_mapping::AccountMapping;
pub use arn::Arn;
pub use host::{foreign_url, host, is_loopback};
pub use ids::{AccountId, OuId, ParseIdError};
pub use names::{ExternalId, IntegrationPrefix, Names, ParsePrefixError, Store, account_of_role};
pub use registration::{
    Created, Health, Profile, Registration, RegistrationKind, RegistrationSpec,
};
pub use secret::SecretText;
pub use token::{ApiKey, Token};
pub use units::{Means, ParseUnitsError, UnitEntry, UnitName, parse_units};

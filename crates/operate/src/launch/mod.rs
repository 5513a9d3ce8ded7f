//! The main stack: its form, requests for it, and what becomes of them. CloudFormation does the work.

mod file;
mod follow;
mod form;
mod release;
mod removal;
mod request;
mod tally;

pub use file::{NoParameters, Values, parameters_in, to_file};
pub use follow::{Following, Goal, Look, NotDone};
pub use form::{BUCKET, Field, Form, NoForm, PREFIX, Unfit};
pub use release::{differences, take_from};
pub use removal::Removal;
pub use request::{Change, Refused, Secrets, change, launch, template_source, values_for};
pub use tally::{Tally, tally};

//! CloudFormation's custom-resource protocol, without I/O.
//!
//! Source: docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html

mod address;
mod answer;
mod physical_id;
mod request;
mod response;

pub use address::AnswerAddresses;
pub use answer::Answer;
pub use physical_id::{NOTHING_MADE, made_nothing, physical_id};
pub use request::{MalformedRequest, Request, RequestType};
pub use response::{MAX_RESPONSE_BYTES, Outcome, Response};

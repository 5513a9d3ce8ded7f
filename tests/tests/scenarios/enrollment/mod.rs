//! Who is enrolled, where, and who is not: whole scenarios, from the event or the launch to what
//! is in AWS, in Lacework and in the ledger afterwards.
//!
//! Golden tables are in `tests/golden`; `INSTA_UPDATE=always` writes them anew.

mod adoption;
mod capability;
mod delete;
mod drift;
mod event;
mod existing;
mod happening;
mod key;
mod limit;
mod moving;
mod pass;
mod registration;
mod secret;
mod sub_account;
mod trail;
mod transition;
mod unit;

/// The template's default of `IntegrationNamePrefix`.
const PREFIX: &str = "Lacework-Control-Tower-";

/// Compares a text with the file of this name in `tests/golden`.
fn assert_golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

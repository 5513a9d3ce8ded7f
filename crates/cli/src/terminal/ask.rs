//! Questions to the person at the terminal. Nothing is asked where there is none.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};
use inquire::{
    Confirm, InquireError, Password, PasswordDisplayMode, Select, Text,
    validator::{StringValidator, Validation},
};
use towerhook_core::model::SecretText;
use towerhook_operate::launch::{Field, Secrets};

use super::width::note;

/// The variable with the vendor's secret.
const VARIABLE: &str = "TOWERHOOK_SECRET";
/// More than any vendor's secret has.
const LONGEST_SECRET: u64 = 16 * 1024;

/// Whether a person at a terminal can be asked.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Ends the command unless the question is answered with yes.
pub(crate) fn confirm(question: &str) -> anyhow::Result<()> {
    ensure!(
        is_interactive(),
        "this has to be confirmed: run it in a terminal, or with --yes"
    );
    let answer = Confirm::new(question).with_default(false).prompt();
    ensure!(answered(answer)?, "not confirmed, so nothing was done");
    Ok(())
}

/// Ends the command unless this word is repeated.
pub(crate) fn confirm_by_name(question: &str, name: &str) -> anyhow::Result<()> {
    ensure!(
        is_interactive(),
        "this has to be confirmed: run it in a terminal, or with --yes"
    );
    let answer = Text::new(&format!("{question}:")).prompt();
    ensure!(
        answered(answer)? == name,
        "not confirmed, so nothing was done"
    );
    Ok(())
}

/// The value of a parameter.
pub(crate) fn value(field: &Field) -> anyhow::Result<String> {
    let Field {
        name,
        label,
        description,
        allowed,
        ..
    } = field;
    describe(description);
    let prompt = format!("{label} ({name}):");
    if allowed.is_empty() {
        let text = Text::new(&prompt).with_validator(fitting(field));
        return answered(text.prompt());
    }
    let select = Select::new(&prompt, allowed.clone()).without_filtering();
    answered(select.prompt())
}

/// The values of secret parameters, from the file, the environment or the terminal.
pub(crate) fn secrets(fields: &[&Field], file: Option<&Path>) -> anyhow::Result<Secrets> {
    let mut secrets = Secrets::new();
    if let [only] = fields
        && let Some(secret) = given(file)?
    {
        secrets.insert(only.name.clone(), secret);
        return Ok(secrets);
    }
    for field in fields {
        secrets.insert(field.name.clone(), secret(field)?);
    }
    Ok(secrets)
}

/// The secret that is not typed in, if there is one.
fn given(file: Option<&Path>) -> anyhow::Result<Option<SecretText>> {
    if let Some(file) = file {
        let read = if file == Path::new("-") {
            text(std::io::stdin())
        } else {
            File::open(file).map_err(Into::into).and_then(text)
        };
        let read = read.with_context(|| format!("cannot read {}", file.display()))?;
        return Ok(Some(read));
    }
    let variable = std::env::var(VARIABLE).ok();
    Ok(variable.filter(|text| !text.is_empty()).map(Into::into))
}

/// A secret without the line's end that editors and commands put behind it.
fn text(from: impl Read) -> anyhow::Result<SecretText> {
    let mut text = String::new();
    let length = from.take(LONGEST_SECRET + 1).read_to_string(&mut text)?;
    ensure!(
        length as u64 <= LONGEST_SECRET,
        "it is longer than {LONGEST_SECRET} bytes"
    );
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

fn secret(field: &Field) -> anyhow::Result<SecretText> {
    let Field {
        name,
        label,
        description,
        ..
    } = field;
    if !is_interactive() {
        bail!(
            "{name} is secret: run this in a terminal, set {VARIABLE}, or name a file with \
             --secret-file"
        );
    }
    describe(description);
    let prompt = format!("{label} ({name}), not shown:");
    let typed = Password::new(&prompt)
        .with_display_mode(PasswordDisplayMode::Hidden)
        .without_confirmation()
        .with_validator(fitting(field));
    Ok(answered(typed.prompt())?.into())
}

fn describe(description: &str) {
    eprintln!();
    note(description);
}

/// Asks again, with the reason, until the parameter can have the value.
fn fitting(field: &Field) -> impl StringValidator + 'static {
    let field = field.clone();
    move |value: &str| {
        let verdict = field.check(value);
        Ok(verdict.map_or_else(
            |unfit| Validation::Invalid(unfit.into()),
            |()| Validation::Valid,
        ))
    }
}

/// The answer, unless the person has left the question with Ctrl-C, Ctrl-D or Escape.
fn answered<T>(answer: Result<T, InquireError>) -> anyhow::Result<T> {
    answer.map_err(|error| match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => {
            anyhow!("the question was not answered, so nothing was done in AWS")
        }
        other => anyhow!(other).context("the terminal cannot be asked"),
    })
}

#[cfg(test)]
mod tests {
    use towerhook_operate::launch::Form;

    use super::*;

    #[test]
    fn a_secret_in_a_file_is_taken_without_its_lines_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "canary\r\n").unwrap();
        let form = Form::read("Parameters: {Key: {Type: String, NoEcho: true}}").unwrap();
        let fields: Vec<_> = form.fields.iter().collect();
        let found = secrets(&fields, Some(&file)).unwrap();
        assert_eq!(found["Key"].expose(), "canary");
        std::fs::write(&file, "x".repeat(LONGEST_SECRET as usize + 1)).unwrap();
        let refused = secrets(&fields, Some(&file)).unwrap_err();
        assert!(
            format!("{refused:#}").contains("longer than"),
            "{refused:#}"
        );
        assert!(
            secrets(&[], Some(Path::new("/nonexistent")))
                .unwrap()
                .is_empty()
        );
    }
}

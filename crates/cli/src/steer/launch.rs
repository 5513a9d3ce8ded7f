use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use towerhook_aws::{Aws, SdkConfig, StackAdministrator};
use towerhook_core::ports::{MainStackReads, MainStackWrites};
use towerhook_operate::launch::{
    BUCKET, Field, Following, Form, Goal, PREFIX, Values, launch as request, parameters_in, to_file,
};

use super::follow::{Expected, to_the_end};
use super::{conclude, release, token};
use crate::arguments::Launch;
use crate::operate::before_launch;
use crate::operator::{operator, readable};
use crate::terminal::{ask, progress, width::note};

/// More than any file of parameters has.
const LARGEST_FILE: u64 = 1024 * 1024;
const NAMES: &str = "IntegrationNamePrefix";

/// Launches the main stack, and follows it until it is complete.
pub(crate) async fn launch(arguments: &Launch) -> anyhow::Result<ExitCode> {
    let provider = arguments.provider.provider();
    let form = Form::read(provider.template()).map_err(readable)?;
    let stack = &arguments.target.stack;
    let config = operator(&arguments.target).await?;
    let stacks = Aws::new(&config, StackAdministrator);
    if let Some(other) = stacks.main_stack(stack).await.map_err(readable)? {
        bail!(
            "there is a stack {stack} already, which is {}: update it, or delete it first",
            other.status
        );
    }
    let values = values(arguments, &form)?;
    let secrets: Vec<_> = required(&form).filter(|field| field.is_secret).collect();
    let secrets = ask::secrets(&secrets, arguments.secret.secret_file.as_deref())?;
    if !arguments.skip_checks {
        check(arguments, &config, &form, &values).await?;
    }
    let template = release::template(&config, provider, &values).await?;
    let request = request(&form, (stack, &token()), template, &values, &secrets);
    let id = stacks.create(&request?).await.map_err(readable)?;
    let default = form.field(NAMES).and_then(|field| field.default.as_ref());
    let prefix = values.get(NAMES).or(default);
    let expected = Expected {
        resources: form.resources.len(),
        prefix: prefix.map_or("", String::as_str),
    };
    let following = Following::new(Goal::Create, &id, None);
    to_the_end(&config, &stacks, following, Some(expected))
        .await
        .with_context(|| {
            format!(
                "the launch failed; `cargo towerhook delete --stack {stack}` removes what is left"
            )
        })?;
    let words = format!(
        "the stack {stack} is complete, and the accounts are being enrolled; \
         `cargo towerhook status` shows how far that is"
    );
    conclude(arguments.json, &words, &id, "CREATE_COMPLETE")?;
    Ok(ExitCode::SUCCESS)
}

fn required(form: &Form) -> impl Iterator<Item = &Field> {
    form.fields.iter().filter(|field| field.is_required())
}

/// Checks what the launch rests on, as `doctor` does.
async fn check(
    arguments: &Launch,
    config: &SdkConfig,
    form: &Form,
    values: &Values,
) -> anyhow::Result<()> {
    let fields = form.fields.iter();
    let defaults = fields.filter_map(|field| Some((field.name.clone(), field.default.clone()?)));
    let mut all: Values = defaults.collect();
    all.extend(values.clone());
    let (vendor, stack) = (arguments.provider.rules(), &arguments.target.stack);
    let bar = progress::spinner("checking what the launch needs");
    let diagnosis = before_launch(config, vendor, stack, all).await;
    progress::clear(bar);
    release::show(
        diagnosis?,
        "the launch would fail, so nothing was created: mend what fails, or launch with \
         --skip-checks",
    )
}

/// The values of the file and of the command line, and those that are asked for, which are written.
fn values(arguments: &Launch, form: &Form) -> anyhow::Result<Values> {
    let file = arguments
        .parameters
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}.parameters.json", arguments.target.stack)));
    let exists = file.exists();
    if exists && arguments.parameters.is_none() {
        bail!(
            "{0} is there already: launch from it with --parameters {0}, or remove it",
            file.display()
        );
    }
    let mut values = if exists {
        read(&file, form).with_context(|| format!("cannot take {}", file.display()))?
    } else {
        Values::new()
    };
    let release = form.field(PREFIX).and_then(|field| field.default.as_ref());
    for (name, given) in [(BUCKET, &arguments.bucket), (PREFIX, &arguments.prefix)] {
        values.extend(given.clone().map(|value| (name.to_owned(), value)));
    }
    if let Some(release) = release {
        values
            .entry(PREFIX.to_owned())
            .or_insert_with(|| release.clone());
    }
    for field in required(form).filter(|field| !field.is_secret) {
        if values.contains_key(&field.name) {
            continue;
        }
        if exists || !ask::is_interactive() {
            bail!("{} has no value: add it to {}", field.name, file.display());
        }
        values.insert(field.name.clone(), ask::value(field)?);
    }
    if !exists {
        write(&file, &values).with_context(|| format!("cannot write {}", file.display()))?;
        note(&format!(
            "the parameters are in {}, without the secret",
            file.display()
        ));
    }
    Ok(values)
}

fn read(file: &Path, form: &Form) -> anyhow::Result<Values> {
    let mut text = String::new();
    File::open(file)?
        .take(LARGEST_FILE)
        .read_to_string(&mut text)?;
    parameters_in(&text, form).map_err(readable)
}

/// Writes a file that only its owner may read: it tells how the organization is watched.
fn write(file: &Path, values: &Values) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    file.write_all(to_file(values).as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Command};

    const TEMPLATE: &str = "
Parameters:
  Key: {Type: String, NoEcho: true}
  ArtifactBucket: {Type: String}
  ArtifactPrefix: {Type: String, Default: p/1/}
";

    fn values_of(file: &Path, more: &[&str]) -> anyhow::Result<Values> {
        let file = file.display().to_string();
        let words = ["towerhook", "launch", "--parameters", &file];
        let words = words.into_iter().chain(more.iter().copied());
        let Command::Launch(arguments) = Arguments::try_parse_from(words)?.command else {
            panic!("another command")
        };
        values(&arguments, &Form::read(TEMPLATE)?)
    }

    #[test]
    fn the_file_that_is_written_is_its_owners_and_launches_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.json");
        let first = values_of(&file, &["--bucket", "zips"]).unwrap();
        assert_eq!(first["ArtifactPrefix"], "p/1/");
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(values_of(&file, &[]).unwrap(), first);
        let other = values_of(&file, &["--bucket", "others"]).unwrap();
        assert_eq!(other["ArtifactBucket"], "others");
    }

    #[test]
    fn a_file_without_a_value_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.json");
        std::fs::write(&file, "[]").unwrap();
        let refused = values_of(&file, &[]).unwrap_err().to_string();
        assert!(
            refused.starts_with("ArtifactBucket has no value"),
            "{refused}"
        );
    }

    #[test]
    fn every_vendors_template_has_the_named_file_and_at_most_one_secret() {
        use clap::ValueEnum;
        let folder = towerhook_package::workspace_root().join("templates");
        for vendor in crate::arguments::Vendor::value_variants() {
            let provider = vendor.provider();
            let committed = std::fs::read_to_string(folder.join(provider.template_file()));
            assert_eq!(committed.unwrap(), provider.template());
            let form = Form::read(provider.template()).unwrap();
            let secrets = form.fields.iter().filter(|field| field.is_secret);
            assert!(secrets.count() <= 1, "{vendor:?}");
            assert!(form.field(NAMES).is_some() && form.field(PREFIX).is_some());
        }
    }
}

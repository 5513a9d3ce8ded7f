use std::process::ExitCode;

use anyhow::Context;
use clap::ValueEnum;
use towerhook_aws::{Aws, SdkConfig, StackAdministrator};
use towerhook_core::ports::{MainStack, StackRequest, TemplateSource};
use towerhook_operate::launch::{
    BUCKET, Field, Form, Values, change, differences, take_from, values_for,
};

use super::{Found, conclude, release, tell, token, updated};
use crate::arguments::{Update, Vendor};
use crate::operate::{Deployment, zips};
use crate::operator::operator;
use crate::terminal::ask;

/// Changes parameters of the main stack, or moves it to this release, and follows that until it is
/// complete.
pub(crate) async fn update(arguments: &Update) -> anyhow::Result<ExitCode> {
    let name = &arguments.target.stack;
    let config = operator(&arguments.target).await?;
    let stacks = Aws::new(&config, StackAdministrator);
    let found = Found::of(&stacks, name).await?;
    let request = match &arguments.prefix {
        Some(prefix) => moved(arguments, prefix, &config, &found).await?,
        None => {
            let (values, secrets) = values_for(&found.form, &arguments.changes)?;
            let secrets = ask::secrets(&secrets, arguments.secret.secret_file.as_deref())?;
            let stack = (&found.stack, &*token());
            change(
                &found.form,
                stack,
                TemplateSource::Previous,
                &values,
                &secrets,
            )?
        }
    };
    let stack = &found.stack;
    let (words, status) = if updated(&config, &stacks, &request).await? {
        (format!("the stack {name} is updated"), "UPDATE_COMPLETE")
    } else {
        (
            format!("nothing changes in the stack {name}"),
            stack.status.as_str(),
        )
    };
    conclude(arguments.json, &words, &stack.id, status)?;
    Ok(ExitCode::SUCCESS)
}

/// The request that moves a stack to this release's template and functions, once that is confirmed.
async fn moved(
    arguments: &Update,
    prefix: &str,
    config: &SdkConfig,
    found: &Found,
) -> anyhow::Result<StackRequest> {
    let Found { stack, form: old } = found;
    let name = &arguments.target.stack;
    let vendor = Deployment::find(config, name).await?.vendor;
    let vendor = Vendor::value_variants()
        .iter()
        .find(|one| one.rules() == vendor);
    let provider = vendor
        .context("this release has no such product")?
        .provider();
    let form = Form::read(provider.template())?;
    let (mut values, named) = values_for(&form, &arguments.changes)?;
    let place = (arguments.bucket.as_deref(), prefix);
    take_from(place, &form, stack, &mut values)?;
    let secrets = ask_for_new(arguments, &form, stack, (&mut values, named))?;

    let bucket = bucket(stack, &values)?;
    let mut at = values.clone();
    at.insert(BUCKET.to_owned(), bucket.clone());
    let source = release::template(config, provider, &at).await?;
    let zips = zips(config, name, (bucket, prefix.to_owned())).await?;
    release::show(zips, "the functions are not there, so nothing was updated")?;
    let request = change(&form, (stack, &token()), source, &values, &secrets)?;

    eprintln!("With the template of {}:", env!("CARGO_PKG_VERSION"));
    let mut differences = differences(old, &form, stack, &values);
    if differences.is_empty() {
        differences.push("nothing else comes or goes".to_owned());
    }
    tell(&differences);
    if !arguments.yes {
        ask::confirm(&format!("Update the stack {name} so?"))?;
    }
    Ok(request)
}

/// The bucket of the new release: the named one, or the stack's. A published template knows one
/// without a parameter.
fn bucket(stack: &MainStack, values: &Values) -> anyhow::Result<String> {
    let known = values.get(BUCKET).or_else(|| stack.parameters.get(BUCKET));
    let known = known.filter(|bucket| !bucket.is_empty()).cloned();
    known.context("the stack's parameters name no bucket: name the new release's with --bucket")
}

/// Asks for the values of parameters that the stack does not have and that have no default, and for
/// the secrets that were named.
fn ask_for_new<'a>(
    arguments: &Update,
    form: &'a Form,
    stack: &MainStack,
    (values, mut secrets): (&mut Values, Vec<&'a Field>),
) -> anyhow::Result<towerhook_operate::launch::Secrets> {
    for field in form.fields.iter().filter(|field| field.is_required()) {
        if stack.parameters.contains_key(&field.name) || values.contains_key(&field.name) {
            continue;
        }
        if field.is_secret {
            if !secrets.contains(&field) {
                secrets.push(field);
            }
            continue;
        }
        anyhow::ensure!(
            ask::is_interactive(),
            "{0} is new and has no value: write {0}=VALUE",
            field.name
        );
        values.insert(field.name.clone(), ask::value(field)?);
    }
    ask::secrets(&secrets, arguments.secret.secret_file.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_is_the_named_one_or_the_stacks_and_never_none() {
        let of = |bucket: &str| Values::from([(BUCKET.to_owned(), bucket.to_owned())]);
        let stack = |bucket: &str| MainStack {
            parameters: of(bucket),
            ..MainStack::default()
        };
        let none = Values::new();
        assert_eq!(bucket(&stack("zips"), &none).unwrap(), "zips");
        assert_eq!(bucket(&stack("zips"), &of("more")).unwrap(), "more");
        for stack in [stack(""), MainStack::default()] {
            let refused = bucket(&stack, &none).unwrap_err().to_string();
            assert!(refused.contains("--bucket"), "{refused}");
        }
    }
}

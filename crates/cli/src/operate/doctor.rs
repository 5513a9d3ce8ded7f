use std::{process::ExitCode, time::Duration};

use anyhow::anyhow;
use towerhook_core::{Read, chain};
use towerhook_operate::{
    doctor::{Deployed, Diagnosis, Facts, Network, Question, look},
    launch::Values,
};
use towerhook_runtime::{
    aws::SdkConfig,
    clock,
    providers::{self, HttpClient, Vendor},
};
use url::Url;

use super::{deployment::Deployment, pending_if, print_json, tables};
use crate::{
    arguments,
    operator::{connect, inspection, region},
    terminal::{progress, width::say},
};

/// The longest time for the vendor's answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// The variables that name a proxy.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

pub(crate) async fn doctor(arguments: &arguments::Doctor) -> anyhow::Result<ExitCode> {
    let bar = progress::spinner("looking at everything");
    let diagnosis = diagnose(arguments).await;
    progress::clear(bar);
    let diagnosis = diagnosis?;
    if arguments.json {
        print_json(&diagnosis)?;
    } else {
        println!("{}", tables::diagnosis(&diagnosis));
        print!("{}", tables::mends(&diagnosis));
        say(&diagnosis.in_words());
    }
    Ok(pending_if(diagnosis.fails()))
}

async fn diagnose(arguments: &arguments::Doctor) -> anyhow::Result<Diagnosis> {
    let config = connect(arguments.target.sandbox.as_ref()).await?;
    let stack = &arguments.target.stack;
    // Before a launch there is none, and a stack that failed may have no part of it.
    let found = Deployment::find(&config, stack).await;
    let given = arguments.provider.map(arguments::Vendor::rules);
    let vendor = vendor(given, found.as_ref().ok().map(|found| found.vendor))?;
    let bucket = arguments.bucket.clone();
    let question = Question {
        tenant: arguments.tenant.clone(),
        artifacts: bucket.map(|bucket| (bucket, arguments.prefix.clone())),
        ..question(&config, vendor, stack)?
    };
    Ok(Diagnosis::of(&facts(&config, question, found).await?))
}

/// Checks what a launch with these parameters rests on.
pub(crate) async fn before_launch(
    config: &SdkConfig,
    vendor: Vendor,
    stack: &str,
    parameters: Values,
) -> anyhow::Result<Diagnosis> {
    let value = |name: &str| parameters.get(name).cloned();
    let question = Question {
        tenant: value(vendor.provider().words().tenant_parameter),
        parameters: parameters.clone(),
        ..question(config, vendor, stack)?
    };
    let none = Err(anyhow!("there is no stack {stack} yet"));
    Ok(Diagnosis::before_launch(
        &facts(config, question, none).await?,
    ))
}

/// Checks whether a place has every zip that a stack needs.
pub(crate) async fn zips(
    config: &SdkConfig,
    stack: &str,
    place: (String, String),
) -> anyhow::Result<Diagnosis> {
    let found = Deployment::find(config, stack).await?;
    let question = Question {
        artifacts: Some(place),
        ..question(config, found.vendor, stack)?
    };
    let diagnosis = Diagnosis::of(&facts(config, question, Ok(found)).await?);
    Ok(diagnosis.only("artifacts"))
}

fn question(config: &SdkConfig, vendor: Vendor, stack: &str) -> anyhow::Result<Question> {
    Ok(Question {
        provider: vendor.provider(),
        region: region(config)?,
        stack_name: stack.to_owned(),
        tenant: None,
        artifacts: None,
        parameters: Values::new(),
        now: clock::now(),
    })
}

async fn facts(
    config: &SdkConfig,
    question: Question,
    found: anyhow::Result<Deployment>,
) -> anyhow::Result<Facts> {
    let ports = inspection(config)?;
    let http = match &found {
        Ok(found) => found.http.clone(),
        Err(_) => providers::http_client()?,
    };
    let deployed = match &found {
        Ok(found) => Read::Ok(Deployed {
            ledger: &found.aws,
            registry: &found.registry,
            url: &found.url,
        }),
        Err(error) => Read::Unknown(format!("{error:#}")),
    };
    Ok(look(question, &ports, deployed, &FromHere(http)).await)
}

/// The stack's vendor, or the given one, or the first.
fn vendor(given: Option<Vendor>, deployed: Option<Vendor>) -> anyhow::Result<Vendor> {
    match (given, deployed) {
        (Some(given), Some(deployed)) if given != deployed => anyhow::bail!(
            "the stack is for {}, and --provider names {}: leave that out, or name another stack",
            deployed.provider().id(),
            given.provider().id()
        ),
        (given, deployed) => Ok(deployed.or(given).unwrap_or(Vendor::Lacework)),
    }
}

/// The way to the vendor from this machine.
struct FromHere(HttpClient);

impl Network for FromHere {
    async fn status(&self, url: &Url) -> Result<u16, String> {
        let answer = self.0.get(url.clone()).timeout(PATIENCE).send().await;
        answer
            .map(|answer| answer.status().as_u16())
            .map_err(|error| chain(&error.without_url()))
    }

    fn has_proxy(&self) -> bool {
        PROXIES.iter().any(|name| std::env::var_os(name).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_says_for_which_product_it_is() {
        let (expel, lacework) = (Some(Vendor::Expel), Some(Vendor::Lacework));
        assert_eq!(vendor(None, None).ok(), lacework);
        assert_eq!(vendor(expel, None).ok(), expel);
        assert_eq!(vendor(None, expel).ok(), expel);
        assert!(vendor(lacework, expel).is_err());
    }
}

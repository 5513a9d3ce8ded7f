use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use towerhook_core::{Read, chain};
use towerhook_operate::doctor::{Deployed, Diagnosis, Network, Question, look};
use towerhook_runtime::{
    aws::{Aws, Home, InspectionSettings},
    clock,
    providers::{self, HttpClient, Vendor},
};
use url::Url;

use super::{deployment::Deployment, pending_if, print_json, tables};
use crate::{
    arguments,
    operator::operator,
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
    let config = operator(&arguments.target).await?;
    let region = config.region().map(ToString::to_string).context(
        "no Region is set: set AWS_REGION to Control Tower's home Region, or choose a profile with it",
    )?;
    let home = Home {
        region: region.clone(),
    };
    let ports = Aws::new(&config, InspectionSettings { home });
    // Before a launch there is none, and a stack that failed may have no part of it.
    let found = Deployment::find(&config, &arguments.target.stack).await;
    let given = arguments.provider.map(arguments::Vendor::rules);
    let vendor = vendor(given, found.as_ref().ok().map(|found| found.vendor))?;
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
    let bucket = arguments.bucket.clone();
    let question = Question {
        provider: vendor.provider(),
        region,
        stack_name: arguments.target.stack.clone(),
        tenant: arguments.tenant.clone(),
        artifacts: bucket.map(|bucket| (bucket, arguments.prefix.clone())),
        now: clock::now(),
    };
    let facts = look(question, &ports, deployed, &FromHere(http)).await;
    Ok(Diagnosis::of(&facts))
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

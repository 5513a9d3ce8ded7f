use anyhow::{Context, bail};
use towerhook_aws::SdkConfig;
use towerhook_core::ports::{ArtifactInspection, TemplateSource};
use towerhook_operate::doctor::Diagnosis;
use towerhook_operate::launch::{BUCKET, PREFIX, Values, template_source};
use towerhook_sandbox::providers::Provider;

use crate::operate::tables;
use crate::operator::{inspection, readable, region};
use crate::terminal::width::note;

/// The template of this release for a vendor: in the request, or in the bucket if it is there.
pub(super) async fn template(
    config: &SdkConfig,
    provider: Provider,
    values: &Values,
) -> anyhow::Result<TemplateSource> {
    let (file, text) = (provider.template_file(), provider.template());
    let source = template_source(text, file, &region(config)?, values);
    if matches!(source, TemplateSource::Url(_)) {
        let value = |name: &str| values.get(name).map_or("", String::as_str);
        let (bucket, key) = (value(BUCKET), format!("{}templates/{file}", value(PREFIX)));
        let objects = inspection(config)?.objects(bucket, &key).await;
        let objects = objects.map_err(readable);
        let found = objects.and_then(|objects| {
            let found = objects.iter().find(|object| object.key == key);
            is_ours(found.map(|object| object.size), text)
        });
        found.with_context(|| format!("the template s3://{bucket}/{key} cannot be used"))?;
    }
    Ok(source)
}

/// Whether what is in the bucket can be this template. Another release's has another size.
fn is_ours(size: Option<u64>, text: &str) -> anyhow::Result<()> {
    match size {
        None => bail!("it is not there: upload the templates, as the README says"),
        Some(size) if size != text.len() as u64 => bail!(
            "it is not the template of this command's release, {}: upload that one, or use the \
             command of the other release",
            env!("CARGO_PKG_VERSION")
        ),
        Some(_) => Ok(()),
    }
}

/// Shows what warns or fails, and what mends it.
///
/// # Errors
///
/// Something fails.
pub(super) fn show(diagnosis: Diagnosis, otherwise: &str) -> anyhow::Result<()> {
    let (fails, skipped) = (diagnosis.fails(), diagnosis.skipped());
    let troubles = diagnosis.troubles();
    if !troubles.findings.is_empty() {
        eprintln!("{}", tables::diagnosis(&troubles));
        eprint!("{}", tables::mends(&troubles));
    }
    if skipped > 0 {
        let rows = towerhook_core::counted(skipped, "check");
        note(&format!(
            "skipped {rows}; `cargo towerhook doctor` says why"
        ));
    }
    anyhow::ensure!(!fails, "{otherwise}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_of_another_release_is_told_from_ours() {
        assert!(is_ours(Some(4), "ours").is_ok());
        let other = is_ours(Some(5), "ours").unwrap_err().to_string();
        assert!(other.contains("not the template"), "{other}");
        let none = is_ours(None, "ours").unwrap_err().to_string();
        assert!(none.contains("not there"), "{none}");
    }
}

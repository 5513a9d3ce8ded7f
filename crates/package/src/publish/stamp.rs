use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use anyhow::Context;

use super::{
    place::Place,
    release::{Object, Release, file_name},
};
use crate::{
    FUNCTIONS,
    compose::{Composed, compose_published},
    lambda::{ARM64, X86_64},
};

/// The folder of the templates that ask for no bucket, in the release's own.
const LAUNCH: &str = "launch/";

/// The versions of the objects by their keys, for each place.
pub type Versions = Vec<(Place, BTreeMap<String, String>)>;

/// The main templates as they are launched from where the release is published.
///
/// # Errors
/// When a zip has no version, or the templates cannot be composed.
pub fn launchable(
    release: &Release,
    templates: &Path,
    versions: &Versions,
) -> anyhow::Result<Vec<Object>> {
    let fragment = fragment(&release.folder, versions)?;
    let composed = compose_published(templates, &fragment)?;
    let object = |template: Composed| {
        Ok(Object {
            key: launch_key(release, &template)?,
            bytes: template.text.into_bytes(),
        })
    };
    composed.into_iter().map(object).collect()
}

/// The key of a main template as it is launched.
///
/// # Errors
/// When its file has no name.
pub fn launch_key(release: &Release, template: &Composed) -> anyhow::Result<String> {
    let name = file_name(&template.path)?;
    Ok(format!("{}{LAUNCH}{name}", release.folder))
}

/// What the templates know of where the release is: the bucket of each Region, and which versions of the zips
/// there are this release's. The zips' keys begin with `folder`.
///
/// # Errors
/// When a zip has no version.
pub fn fragment(folder: &str, versions: &Versions) -> anyhow::Result<String> {
    let regions: Vec<_> = versions
        .iter()
        .map(|(place, _)| place.region.as_str())
        .collect();
    let regions = regions.join(", ");
    let mut text = String::from(
        "Mappings:\n  # Where this release is published, and its zips' versions there.\n  Published:\n",
    );
    for (Place { region, bucket }, keys) in versions {
        let _ = writeln!(text, "    {region}:\n      Bucket: {bucket}");
        // A key of a mapping can have no underscore.
        for (processor, word) in [(ARM64, "Arm64"), (X86_64, "X86")] {
            for (function, _) in FUNCTIONS {
                let key = format!("{folder}{}/{function}.zip", processor.name);
                let version = keys
                    .get(&key)
                    .with_context(|| format!("{key} has no version"))?;
                let name = format!("{}{word}", capitalized(function));
                let _ = writeln!(text, "      {name}: {}", serde_json::json!(version));
            }
        }
    }
    // CloudFormation looks up the Region in the mapping even where the bucket is another.
    let _ = write!(
        text,
        "\nRules:\n  ReleaseIsInThisRegion:\n    Assertions:\n      - Assert: {{'Fn::Contains': [[{regions}], \
         !Ref AWS::Region]}}\n        AssertDescription: >-\n          This release is published in {regions}. In \
         another Region, upload it to a bucket of your own, and launch the template in its folder templates.\n"
    );
    Ok(text)
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(1.min(word.len()));
    first.to_uppercase() + rest
}

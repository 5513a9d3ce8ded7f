use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, bail, ensure};

use super::{
    place::Place,
    release::{Object, Release},
    stamp::{Versions, launchable},
    store::{Store, Stored},
};
use crate::release::digest;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Published {
    /// The objects that were uploaded.
    pub uploaded: usize,
    /// Those that were there already.
    pub kept: usize,
}

/// Uploads a release to its places and reads everything back. Nothing that is there is overwritten: what is the
/// same stays, and anything else ends it before the first upload. Then the templates that know the places
/// follow. A run that was interrupted can be repeated. `tell` is called with each step.
///
/// # Errors
/// When a bucket is missing (unless missing ones are to be made) or keeps no versions, an object is there with
/// another content, or S3 refuses a call.
pub async fn publish(
    release: &Release,
    templates: &Path,
    places: &[Place],
    store: &impl Store,
    make_buckets: bool,
    tell: &dyn Fn(&str),
) -> anyhow::Result<Published> {
    for place in places {
        bucket(place, store, make_buckets, tell).await?;
    }
    let mut done = Published::default();
    let versions = upload(&release.objects(), places, store, &mut done, tell).await?;
    let launchable = launchable(release, templates, &versions)?;
    upload(&launchable, places, store, &mut done, tell).await?;
    Ok(done)
}

async fn bucket(
    place: &Place,
    store: &impl Store,
    make_buckets: bool,
    tell: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let Place { region, bucket } = place;
    match store.keeps_versions(place).await? {
        Some(true) => Ok(()),
        Some(false) => bail!(
            "{bucket} keeps no versions of its objects: `aws s3api put-bucket-versioning --region {region} \
             --bucket {bucket} --versioning-configuration Status=Enabled` mends that"
        ),
        None if make_buckets => {
            tell(&format!("making {bucket}"));
            store.make(place).await
        }
        None => bail!("{bucket} does not exist in {region}: --make-buckets makes it"),
    }
}

/// Uploads objects to all places, and answers the versions that they have there.
async fn upload(
    objects: &[Object],
    places: &[Place],
    store: &impl Store,
    done: &mut Published,
    tell: &dyn Fn(&str),
) -> anyhow::Result<Versions> {
    let mut versions = Versions::new();
    for place in places {
        versions.push((place.clone(), present(objects, place, store).await?));
    }
    for (place, known) in &mut versions {
        done.kept += known.len();
        for object in objects {
            if known.contains_key(&object.key) {
                continue;
            }
            tell(&format!("uploading {} to {}", object.key, place.bucket));
            let version = store.write(place, object).await?;
            let read = store.read(place, &object.key, Some(&version)).await?;
            let read = read.with_context(|| format!("{} is not there", object.key))?;
            ensure!(
                digest(&read.bytes) == digest(&object.bytes),
                "{} was read back from {} with another content",
                object.key,
                place.bucket
            );
            known.insert(object.key.clone(), version);
            done.uploaded += 1;
        }
    }
    Ok(versions)
}

/// The versions of the objects that are there already.
async fn present(
    objects: &[Object],
    place: &Place,
    store: &impl Store,
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut versions = BTreeMap::new();
    for object in objects {
        let Some(Stored { bytes, version }) = store.read(place, &object.key, None).await? else {
            continue;
        };
        ensure!(
            digest(&bytes) == digest(&object.bytes),
            "{} is in {} with another content, and what is published never changes: publish another version",
            object.key,
            place.bucket
        );
        versions.insert(object.key.clone(), version);
    }
    Ok(versions)
}

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use towerhook_aws::{Bucket, Objects};
use towerhook_package::{
    compose::{Composed, compose_all},
    publish::{Object, Place, Release, Store, Stored, buttons, launch_key, places, publish},
    workspace_root,
};

use crate::{
    arguments::Publish,
    operator::{connect, readable},
};

pub(crate) async fn run(arguments: &Publish) -> anyhow::Result<ExitCode> {
    let templates = workspace_root().join("templates");
    // What was typed is checked before what is in the folder.
    let places = places(&arguments.bucket_prefix, &arguments.regions)?;
    let release = Release::read(&arguments.input, &templates, &arguments.version)?;
    let mains = compose_all(&templates)?;
    let buttons = buttons(&release, &places, &mains)?;
    if arguments.dry_run {
        show(&release, &places, &mains)?;
    } else {
        let config = connect(arguments.sandbox.as_ref()).await?;
        let store = Buckets(Objects::of(&config).await.map_err(readable)?);
        let tell = |step: &str| println!("{step}");
        let make = arguments.make_buckets;
        let done = publish(&release, &templates, &places, &store, make, &tell).await?;
        println!(
            "{} objects are uploaded and read back, {} were there already",
            done.uploaded, done.kept
        );
    }
    println!("\n{buttons}");
    Ok(ExitCode::SUCCESS)
}

/// What would be uploaded.
fn show(release: &Release, places: &[Place], mains: &[Composed]) -> anyhow::Result<()> {
    let objects = release.objects();
    for Place { region, bucket } in places {
        println!("{bucket} in {region}:");
        for Object { key, bytes } in &objects {
            println!("{:>9} bytes  {key}", bytes.len());
        }
        for template in mains {
            let key = launch_key(release, template)?;
            println!("   with the zips' versions  {key}");
        }
    }
    println!("nothing was asked of AWS");
    Ok(())
}

/// The buckets of the operator's account.
struct Buckets(Objects);

fn bucket(place: &Place) -> Bucket<'_> {
    Bucket {
        region: &place.region,
        name: &place.bucket,
    }
}

impl Store for Buckets {
    async fn keeps_versions(&self, place: &Place) -> anyhow::Result<Option<bool>> {
        let answer = self.0.keeps_versions(bucket(place)).await;
        answer.map_err(readable)
    }

    async fn make(&self, place: &Place) -> anyhow::Result<()> {
        self.0.make(bucket(place)).await.map_err(readable)
    }

    async fn read(
        &self,
        place: &Place,
        key: &str,
        version: Option<&str>,
    ) -> anyhow::Result<Option<Stored>> {
        let answer = self.0.read(bucket(place), key, version).await;
        let found = answer.map_err(readable)?;
        Ok(found.map(|(bytes, version)| Stored { bytes, version }))
    }

    async fn write(&self, place: &Place, object: &Object) -> anyhow::Result<String> {
        let (key, media_type) = (&object.key, object.media_type());
        let bytes = object.bytes.clone();
        let answer = self.0.write(bucket(place), key, media_type, bytes).await;
        answer.map_err(readable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_prefix_or_region_that_cannot_be_is_refused_without_a_package() {
        let refusal = async |prefix: &str, region: &str| {
            let arguments = Publish {
                version: "0.1.0".to_owned(),
                bucket_prefix: prefix.to_owned(),
                regions: vec![region.to_owned()],
                input: "no-such-folder".into(),
                make_buckets: false,
                dry_run: true,
                sandbox: None,
            };
            run(&arguments).await.unwrap_err().to_string()
        };
        assert!(refusal("ACME", "eu-west-1").await.starts_with("no bucket"));
        assert!(refusal("acme", "europe").await.contains("is no Region"));
        let missing = refusal("acme", "eu-west-1").await;
        assert!(missing.contains("cargo towerhook package"), "{missing}");
    }
}

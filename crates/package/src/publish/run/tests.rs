use std::cell::RefCell;

use serde_yaml_ng::Value;

use super::*;
use crate::{
    compose::compose_all,
    publish::{
        buttons, places,
        release::testing::{VERSION, packaged, read_release},
    },
    workspace_root,
};

/// Buckets in memory.
#[derive(Default)]
struct Memory {
    /// The buckets, and whether each keeps versions.
    buckets: RefCell<BTreeMap<String, bool>>,
    objects: RefCell<BTreeMap<(String, String), Stored>>,
    /// Whether what is written is cut off.
    cuts: bool,
}

impl Memory {
    fn with(buckets: &[(&str, bool)]) -> Self {
        let buckets = buckets
            .iter()
            .map(|(name, keeps)| (name.to_string(), *keeps));
        Self {
            buckets: RefCell::new(buckets.collect()),
            ..Self::default()
        }
    }

    fn text(&self, bucket: &str, key: &str) -> String {
        let objects = self.objects.borrow();
        let stored = &objects[&(bucket.to_owned(), key.to_owned())];
        String::from_utf8(stored.bytes.clone()).unwrap()
    }
}

impl Store for Memory {
    async fn keeps_versions(&self, place: &Place) -> anyhow::Result<Option<bool>> {
        Ok(self.buckets.borrow().get(&place.bucket).copied())
    }

    async fn make(&self, place: &Place) -> anyhow::Result<()> {
        self.buckets.borrow_mut().insert(place.bucket.clone(), true);
        Ok(())
    }

    async fn read(
        &self,
        place: &Place,
        key: &str,
        version: Option<&str>,
    ) -> anyhow::Result<Option<Stored>> {
        let objects = self.objects.borrow();
        let stored = objects.get(&(place.bucket.clone(), key.to_owned()));
        let asked = |stored: &&Stored| version.is_none_or(|version| stored.version == version);
        Ok(stored.filter(asked).cloned())
    }

    async fn write(&self, place: &Place, object: &Object) -> anyhow::Result<String> {
        let mut objects = self.objects.borrow_mut();
        let version = format!("{}#{}", place.region, objects.len());
        let bytes = object.bytes[usize::from(self.cuts)..].to_vec();
        let stored = Stored {
            bytes,
            version: version.clone(),
        };
        let before = objects.insert((place.bucket.clone(), object.key.clone()), stored);
        assert_eq!(before, None, "{} is overwritten", object.key);
        Ok(version)
    }
}

const BUCKETS: [(&str, bool); 2] = [("th-eu-west-1", true), ("th-us-east-1", true)];

async fn published(store: &Memory, make_buckets: bool) -> anyhow::Result<Published> {
    let folder = packaged();
    let release = read_release(folder.path())?;
    let places = places("th", &["eu-west-1".into(), "us-east-1".into()])?;
    let templates = workspace_root().join("templates");
    publish(&release, &templates, &places, store, make_buckets, &|_| {}).await
}

async fn refusal(store: &Memory) -> String {
    format!("{:#}", published(store, false).await.unwrap_err())
}

#[tokio::test]
async fn a_published_template_names_the_version_of_each_zip_in_each_region() {
    let store = Memory::with(&BUCKETS);
    let done = published(&store, false).await.unwrap();
    // Six zips, four templates and their digests, and the templates to launch, in two Regions.
    assert_eq!(
        done,
        Published {
            uploaded: 2 * (6 + 4 + 1 + 4),
            kept: 0
        }
    );
    let key = format!("towerhook/{VERSION}/launch/expel.template.yml");
    let text = store.text("th-eu-west-1", &key);
    assert_eq!(
        text,
        store.text("th-us-east-1", &key),
        "one for all Regions"
    );
    let template: Value = serde_yaml_ng::from_str(&text).unwrap();
    let objects = store.objects.borrow();
    for region in ["eu-west-1", "us-east-1"] {
        let mapped = &template["Mappings"]["Published"][region];
        let bucket = format!("th-{region}");
        assert_eq!(mapped["Bucket"], bucket.as_str());
        for (name, zip) in [
            ("SetupArm64", "arm64/setup"),
            ("AccountX86", "x86_64/account"),
        ] {
            let zip = (bucket.clone(), format!("towerhook/{VERSION}/{zip}.zip"));
            assert_eq!(mapped[name], objects[&zip].version.as_str());
        }
    }
}

#[tokio::test]
async fn a_second_run_uploads_nothing_and_one_that_was_interrupted_goes_on() {
    let store = Memory::with(&BUCKETS);
    let first = published(&store, false).await.unwrap();
    let again = published(&store, false).await.unwrap();
    assert_eq!((again.uploaded, again.kept), (0, first.uploaded));
    store
        .objects
        .borrow_mut()
        .retain(|(bucket, key), _| bucket == "th-eu-west-1" || !key.contains("launch/"));
    let rest = published(&store, false).await.unwrap();
    assert_eq!((rest.uploaded, rest.kept), (4, first.uploaded - 4));
}

#[tokio::test]
async fn what_is_published_is_never_overwritten() {
    let store = Memory::with(&BUCKETS);
    let key = format!("towerhook/{VERSION}/arm64/auth.zip");
    let other = Stored {
        bytes: b"other".to_vec(),
        version: "1".into(),
    };
    let at = ("th-us-east-1".to_owned(), key);
    store.objects.borrow_mut().insert(at, other);
    let words = refusal(&store).await;
    assert!(
        words.contains("arm64/auth.zip is in th-us-east-1 with another content"),
        "{words}"
    );
    assert_eq!(store.objects.borrow().len(), 1, "nothing was uploaded");
}

#[tokio::test]
async fn a_bucket_has_to_keep_versions_and_a_missing_one_is_made_when_asked_for() {
    let store = Memory::with(&[("th-eu-west-1", false)]);
    assert!(
        refusal(&store)
            .await
            .contains("put-bucket-versioning --region eu-west-1")
    );
    let store = Memory::with(&BUCKETS[..1]);
    assert!(
        refusal(&store)
            .await
            .contains("th-us-east-1 does not exist in us-east-1")
    );
    published(&store, true).await.unwrap();
    assert!(store.buckets.borrow()["th-us-east-1"]);
}

#[tokio::test]
async fn an_upload_that_arrived_otherwise_is_found() {
    let store = Memory {
        cuts: true,
        ..Memory::with(&BUCKETS)
    };
    assert!(refusal(&store).await.contains("with another content"));
}

#[test]
fn buttons_lead_to_the_template_of_their_region() {
    let folder = packaged();
    let release = read_release(folder.path()).unwrap();
    let places = places("th", &["eu-west-1".into(), "us-east-1".into()]).unwrap();
    let templates = compose_all(&workspace_root().join("templates")).unwrap();
    let text = buttons(&release, &places, &templates).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(
        lines[0].starts_with("| Region | Lacework | Expel |"),
        "{}",
        lines[0]
    );
    let url = format!(
        "https://eu-west-1.console.aws.amazon.com/cloudformation/home?region=eu-west-1#/stacks/create/\
         review?stackName=towerhook&templateURL=https://th-eu-west-1.s3.eu-west-1.amazonaws.com/towerhook/\
         {VERSION}/launch/expel.template.yml"
    );
    assert!(lines[2].contains(&url), "{}", lines[2]);
    for line in &lines {
        assert_eq!(line.matches('|').count(), 6, "{line}");
    }
}

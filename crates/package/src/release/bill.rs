//! The bill of materials, in CycloneDX 1.5.

use anyhow::{Context, ensure};
use cyclonedx_bom::external_models::uri::Purl;
use cyclonedx_bom::models::bom::{Bom, SpecVersion, UrnUuid};
use cyclonedx_bom::models::component::{Classification, Component, Components};
use cyclonedx_bom::models::dependency::{Dependencies, Dependency};
use cyclonedx_bom::models::hash::{Hash, HashAlgorithm, HashValue, Hashes};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::models::metadata::Metadata;
use cyclonedx_bom::validation::Validate;
use uuid::Uuid;

use super::inventory::{Crate, CrateId, Inventory};
use crate::FUNCTIONS;

/// What the identifiers of bills are derived in.
const NAMESPACE: &str = "urn:towerhook:bill-of-materials";

/// The bill of the functions' crates. The same crates give the same bytes: it says no time, and its serial
/// number is derived from the rest of it.
pub(crate) fn bill(
    inventory: &Inventory,
    processor: &str,
    release: &str,
) -> anyhow::Result<String> {
    let mut bom = Bom {
        spec_version: SpecVersion::V1_5,
        ..Bom::default()
    };
    let root = format!("towerhook-{processor}");
    let product = Component::new(
        Classification::Application,
        "towerhook",
        release,
        Some(root.clone()),
    );
    bom.metadata = Some(Metadata {
        component: Some(product),
        ..Metadata::default()
    });
    let functions = inventory
        .keys()
        .filter(|id| FUNCTIONS.iter().any(|(_, package)| *package == id.name));
    let mut dependencies = vec![Dependency {
        dependency_ref: root,
        dependencies: functions.map(reference).collect(),
    }];
    let mut components = Vec::new();
    for (id, one) in inventory {
        components.push(component(id, one)?);
        dependencies.push(Dependency {
            dependency_ref: reference(id),
            dependencies: one.dependencies.iter().map(reference).collect(),
        });
    }
    bom.components = Some(Components(components));
    bom.dependencies = Some(Dependencies(dependencies));
    bom.serial_number = None;
    let namespace = Uuid::new_v5(&Uuid::NAMESPACE_URL, NAMESPACE.as_bytes());
    let serial = Uuid::new_v5(&namespace, write(bom.clone())?.as_bytes());
    bom.serial_number = Some(UrnUuid::from(serial));
    let checked = bom.validate_version(SpecVersion::V1_5);
    ensure!(checked.passed(), "the bill is not valid: {checked:?}");
    write(bom)
}

fn component(id: &CrateId, one: &Crate) -> anyhow::Result<Component> {
    let CrateId { name, version } = id;
    let mut component = Component::new(Classification::Library, name, version, Some(reference(id)));
    let license = LicenseChoice::expression(&one.license);
    component.licenses = Some(Licenses(vec![license]));
    if let Some(checksum) = &one.checksum {
        let hash = Hash {
            alg: HashAlgorithm::SHA_256,
            content: HashValue(checksum.clone()),
        };
        component.hashes = Some(Hashes(vec![hash]));
        // A crate of this workspace is in no registry.
        let purl = Purl::new("cargo", name, version);
        component.purl = Some(purl.with_context(|| format!("{name} has no package URL"))?);
    }
    Ok(component)
}

fn reference(CrateId { name, version }: &CrateId) -> String {
    format!("{name}@{version}")
}

fn write(bom: Bom) -> anyhow::Result<String> {
    let mut text = Vec::new();
    bom.output_as_json_v1_5(&mut text)
        .context("the bill of materials cannot be written")?;
    let text = String::from_utf8(text).context("the bill of materials is no text")?;
    Ok(text.trim_end().to_owned() + "\n")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn id(name: &str) -> CrateId {
        CrateId {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
        }
    }

    fn one(checksum: Option<&str>, dependencies: &[&str]) -> Crate {
        Crate {
            license: "MIT OR Apache-2.0".to_owned(),
            checksum: checksum.map(str::to_owned),
            folder: "/clone".into(),
            dependencies: dependencies.iter().map(|name| id(name)).collect(),
        }
    }

    fn sample() -> Inventory {
        [
            (id("towerhook-setup"), one(None, &["ring", "serde"])),
            (id("serde"), one(Some(&"ab".repeat(32)), &[])),
            (id("ring"), one(Some(&"cd".repeat(32)), &[])),
        ]
        .into()
    }

    fn parsed(inventory: &Inventory) -> Value {
        serde_json::from_str(&bill(inventory, "arm64", "0.1.0").unwrap()).unwrap()
    }

    #[test]
    fn a_bill_lists_every_crate_in_order_with_its_digest_licence_and_dependencies() {
        let bill = parsed(&sample());
        assert_eq!(bill["bomFormat"], "CycloneDX");
        assert_eq!(bill["specVersion"], "1.5");
        assert!(bill["metadata"].get("timestamp").is_none());
        let names: Vec<_> = bill["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["name"])
            .collect();
        assert_eq!(names, ["ring", "serde", "towerhook-setup"]);
        let ring = &bill["components"][0];
        assert_eq!(
            ring["hashes"],
            json!([{"alg": "SHA-256", "content": "cd".repeat(32)}])
        );
        assert_eq!(
            ring["licenses"],
            json!([{"expression": "MIT OR Apache-2.0"}])
        );
        assert_eq!(ring["purl"], "pkg:cargo/ring@1.0.0");
        assert!(bill["components"][2].get("purl").is_none());
        assert_eq!(
            bill["dependencies"][3],
            json!({"ref": "towerhook-setup@1.0.0", "dependsOn": ["ring@1.0.0", "serde@1.0.0"]})
        );
        assert_eq!(
            bill["dependencies"][0],
            json!({"ref": "towerhook-arm64", "dependsOn": ["towerhook-setup@1.0.0"]})
        );
    }

    #[test]
    fn the_same_crates_give_the_same_bill_and_others_another_number() {
        let sample = sample();
        assert_eq!(
            bill(&sample, "arm64", "0.1.0").unwrap(),
            bill(&sample, "arm64", "0.1.0").unwrap()
        );
        let mut changed = sample.clone();
        changed.insert(id("serde"), one(Some(&"ef".repeat(32)), &[]));
        let [before, after] = [&sample, &changed].map(parsed);
        assert_ne!(before["serialNumber"], after["serialNumber"]);
        let number = before["serialNumber"].as_str().unwrap();
        assert!(number.starts_with("urn:uuid:"), "{number}");
        assert_ne!(
            bill(&sample, "x86_64", "0.1.0").unwrap(),
            bill(&sample, "arm64", "0.1.0").unwrap()
        );
    }
}

//! Where a host has gpg and the vendor's key, the list of digests has to be signed with it.

use std::path::Path;
use std::process::Command;

use super::host::Host;
use super::{digest, good};

const KEY: &str = "etc/pki/rpm-gpg/RPM-GPG-KEY-lacework";
const SUMS: &str = "checksum_sha256.txt";
const SIGNATURE: &str = "checksum_sha256.txt.asc";

/// A key made for this test, in a folder of its own.
struct Key {
    folder: tempfile::TempDir,
}

impl Key {
    fn new() -> Self {
        let key = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let owner = ["--quick-generate-key", "Vendor", "ed25519", "sign", "never"];
        let unlocked = ["--pinentry-mode", "loopback", "--passphrase", ""];
        key.gpg(&unlocked, &owner);
        key
    }

    fn gpg(&self, options: &[&str], arguments: &[&str]) -> Vec<u8> {
        let made = Command::new("gpg")
            .args(["--batch", "--quiet", "--armor", "--homedir"])
            .arg(self.folder.path())
            .args(options)
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{said}");
        made.stdout
    }

    fn public(&self) -> Vec<u8> {
        self.gpg(&[], &["--export"])
    }

    fn fingerprint(&self) -> String {
        let listed = self.gpg(&["--with-colons"], &["--list-keys"]);
        let listed = String::from_utf8(listed).unwrap();
        let line = listed.lines().find(|line| line.starts_with("fpr:"));
        line.unwrap()
            .trim_matches(':')
            .rsplit(':')
            .next()
            .unwrap()
            .to_owned()
    }

    /// Signs a text, beside it or around it.
    fn sign(&self, how: &str, text: &str) -> Vec<u8> {
        let file = self.folder.path().join("text");
        std::fs::write(&file, text).unwrap();
        self.gpg(&["--output", "-"], &[how, path(&file)])
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // It keeps an agent running for its folder.
        let mut end = Command::new("gpgconf");
        end.arg("--homedir").arg(self.folder.path());
        end.args(["--kill", "all"]).status().unwrap();
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A host that checks signatures of this key.
async fn host_with(key: &Key) -> Host {
    let mut host = Host::new("agent.tgz", &good()).await;
    host.add_tool("gpg");
    host.put(KEY, &key.public());
    host.values
        .insert("SigningKeyFingerprint", key.fingerprint());
    host
}

fn sums() -> String {
    format!("{}  agent.tgz\n", digest(&good()))
}

#[tokio::test]
async fn a_signed_list_with_the_release_is_believed() {
    let key = Key::new();
    for how in ["--detach-sign", "--clearsign"] {
        let host = host_with(&key).await;
        host.serve(SUMS, sums().as_bytes()).await;
        host.serve(SIGNATURE, &key.sign(how, &sums())).await;
        let ran = host.install().await;
        assert_eq!(ran.code, 0, "{how}: {ran:?}");
        assert!(!ran.output.contains("not checked"), "{ran:?}");
    }
}

#[tokio::test]
async fn a_wrong_signature_a_strange_key_and_a_list_without_the_release_are_refused() {
    let (key, strange) = (Key::new(), Key::new());
    let changed = format!("{}{}", sums(), "changed\n");
    let other = sums().replace(&digest(&good()), &"0".repeat(64));
    for how in ["--detach-sign", "--clearsign"] {
        for (list, signature) in [
            (&sums(), strange.sign(how, &sums())),
            (&other, key.sign(how, &other)),
        ] {
            let host = host_with(&key).await;
            host.serve(SUMS, list.as_bytes()).await;
            host.serve(SIGNATURE, &signature).await;
            refuses(&host).await;
        }
    }
    let host = host_with(&key).await;
    host.serve(SUMS, changed.as_bytes()).await;
    host.serve(SIGNATURE, &key.sign("--detach-sign", &sums()))
        .await;
    refuses(&host).await;

    // The key on the host is another than the one that is asked for.
    let mut host = host_with(&key).await;
    host.values
        .insert("SigningKeyFingerprint", strange.fingerprint());
    host.serve(SUMS, sums().as_bytes()).await;
    host.serve(SIGNATURE, &key.sign("--detach-sign", &sums()))
        .await;
    refuses(&host).await;

    let host = host_with(&key).await;
    host.put(KEY, b"no key");
    host.serve(SIGNATURE, b"").await;
    refuses(&host).await;
}

#[tokio::test]
async fn a_signature_that_is_missing_is_no_network_and_a_host_without_a_key_says_so() {
    let key = Key::new();
    let host = host_with(&key).await;
    assert_eq!(host.install().await.code, 44);

    let host = Host::new("agent.tgz", &good()).await;
    let ran = host.install().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.output.contains("signature is not checked"), "{ran:?}");
}

async fn refuses(host: &Host) {
    let before = host.files();
    let ran = host.install().await;
    assert_eq!(ran.code, 46, "{ran:?}");
    assert_eq!(host.files(), before);
}

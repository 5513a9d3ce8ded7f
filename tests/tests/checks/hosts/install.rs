//! What an installation leaves on a host.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::digest;
use super::good;
use super::host::{Host, TOKEN};

const BINARY: &str = "var/lib/lacework/datacollector";
const CONFIG: &str = "var/lib/lacework/config/config.json";

#[tokio::test]
async fn a_fresh_host_gets_the_agent_its_configuration_and_its_service() {
    for (shell, is_old) in [("sh", false), ("sh", true), ("bash", false)] {
        let mut host = Host::new("agent.tgz", &good()).await;
        (host.shell, host.is_old) = (shell, is_old);
        let ran = host.install().await;
        assert_eq!(ran.code, 0, "{shell}: {ran:?}");
        assert!(host.root(BINARY).exists());
        assert!(host.knows("active"), "the service runs");
        assert_eq!(
            host.config(),
            json!({
                "tokens": {"accesstoken": TOKEN},
                "serverurl": "https://api.lacework.net",
                "autoupgrade": "disable",
            })
        );
        let mode = host.root(CONFIG).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "nobody else reads the token");
    }
}

#[tokio::test]
async fn a_second_installation_changes_nothing() {
    let host = Host::new("agent.tgz", &good()).await;
    assert_eq!(host.install().await.code, 0);
    let (files, downloads) = (host.files(), host.downloads().await);
    let ran = host.install().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(host.files(), files);
    assert_eq!(host.downloads().await, downloads);
    assert_eq!(host.calls().matches("systemctl enable").count(), 1);
}

#[tokio::test]
async fn packages_are_installed_by_the_hosts_own_manager() {
    for (file, manager) in [
        ("lacework_{version}_{arch}.deb", "dpkg -i"),
        ("lacework-{version}.rpm", "rpm -U"),
    ] {
        let host = Host::new(file, b"a package").await;
        let ran = host.install().await;
        assert_eq!(ran.code, 0, "{file}: {ran:?}");
        assert_eq!(std::fs::read(host.root(BINARY)).unwrap(), b"a package");
        assert!(host.calls().contains(manager), "{}", host.calls());
    }
}

#[tokio::test]
async fn a_new_release_is_installed_and_a_new_token_written() {
    let mut host = Host::new("agent.tgz", &good()).await;
    assert_eq!(host.install().await.code, 0);
    host.keep_token("another-token");
    let downloads = host.downloads().await;
    assert_eq!(host.install().await.code, 0);
    assert_eq!(host.downloads().await, downloads, "the release is the same");
    assert_eq!(host.config()["tokens"]["accesstoken"], "another-token");

    let newer = super::archive("echo newer > \"$home/datacollector\"");
    host.serve("newer.tgz", &newer).await;
    let url = format!("{}/v{{version}}/newer.tgz", host.server.uri());
    host.values.insert("ReleaseUrl", url);
    host.values.insert("Sha256X86", digest(&newer));
    assert_eq!(host.install().await.code, 0);
    assert_eq!(std::fs::read(host.root(BINARY)).unwrap(), b"newer\n");
}

#[tokio::test]
async fn a_token_of_any_printable_characters_is_written_as_it_is() {
    for token in [
        r#"a"quote'and\backslash"#,
        "$HOME `id` $(id) %s ${x}",
        "{{ Agent }} \\n * ~ é",
    ] {
        let mut host = Host::new("agent.tgz", &good()).await;
        host.keep_token(token);
        let ran = host.install().await;
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(host.config()["tokens"]["accesstoken"], token);
    }
}

#[tokio::test]
async fn an_agent_that_was_installed_in_another_way_stays_as_it_is() {
    let host = Host::new("agent.tgz", &good()).await;
    host.put(BINARY, b"theirs");
    host.put(CONFIG, b"{}");
    let files = host.files();
    for ran in [host.install().await, host.remove().await] {
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(host.files(), files);
    }
    assert_eq!(host.downloads().await, 0);
}

#[tokio::test]
async fn an_installation_that_broke_off_is_done_again() {
    let broken = super::archive("exit 1");
    let mut host = Host::new("agent.tgz", &broken).await;
    let ran = host.install().await;
    assert_eq!(ran.code, 48, "{ran:?}");
    let release = good();
    host.serve("again.tgz", &release).await;
    let url = format!("{}/v8.2.0/again.tgz", host.server.uri());
    host.values.insert("ReleaseUrl", url);
    host.values.insert("Sha256X86", digest(&release));
    let ran = host.install().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(host.knows("active"));
}

#[tokio::test]
async fn a_host_without_curl_uses_wget() {
    let host = Host::new("agent.tgz", &good()).await;
    host.remove_program("curl");
    host.add_tool("wget");
    let ran = host.install().await;
    assert_eq!(ran.code, 0, "{ran:?}");
}

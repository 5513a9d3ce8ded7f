//! Each reason why nothing is installed has an exit code of its own, and nothing is left behind.

use super::host::Host;
use super::{archive, good};

/// Runs the installation, which is to end with a code and leave the host as it was.
async fn refuses(host: &Host, code: i32, says: &str) {
    let before = host.files();
    let ran = host.install().await;
    assert_eq!(ran.code, code, "{ran:?}");
    assert!(ran.output.contains(says), "{ran:?}");
    assert_eq!(host.files(), before, "{code}");
    assert!(!host.knows("active"), "{code}");
}

#[tokio::test]
async fn a_missing_program_is_named() {
    for program in ["aws", "sed", "sha256sum", "systemctl", "tar"] {
        let host = Host::new("agent.tgz", &good()).await;
        host.remove_program(program);
        refuses(&host, 41, &format!("lacks {program},")).await;
        assert_eq!(host.downloads().await, 0);
    }
    for (file, program) in [("agent.deb", "dpkg"), ("agent.rpm", "rpm")] {
        let host = Host::new(file, b"a package").await;
        host.remove_program(program);
        refuses(&host, 41, &format!("lacks {program},")).await;
    }
    let host = Host::new("agent.tgz", &good()).await;
    host.remove_program("curl");
    refuses(&host, 41, "lacks wget,").await;
}

#[tokio::test]
async fn a_host_of_kubernetes_is_told_by_its_unit_or_by_its_process() {
    let host = Host::new("agent.tgz", &good()).await;
    host.know("units", "kubelet.service enabled enabled\n");
    refuses(&host, 42, "Kubernetes").await;

    let host = Host::new("agent.tgz", &good()).await;
    host.put("proc/77/comm", b"kubelet\n");
    refuses(&host, 42, "Kubernetes").await;
    assert!(!host.calls().contains("aws"), "no token is read");

    let host = Host::new("agent.tgz", &good()).await;
    host.put("proc/77/comm", b"kubelet-proxy\n");
    assert_eq!(host.install().await.code, 0);
}

#[tokio::test]
async fn a_token_that_is_not_there_or_is_none_is_no_token() {
    let host = Host::new("agent.tgz", &good()).await;
    host.forget("token");
    refuses(&host, 43, "ssm:GetParameter").await;
    for none in ["\n", "None\n", "two\nlines\n", "a\ttab\n"] {
        let host = Host::new("agent.tgz", &good()).await;
        host.know("token", none);
        refuses(&host, 43, "holds no token").await;
        assert_eq!(host.downloads().await, 0);
    }
}

#[tokio::test]
async fn a_release_that_cannot_be_downloaded_is_no_network() {
    let mut host = Host::new("agent.tgz", &good()).await;
    let nobody = "http://127.0.0.1:1/agent.tgz";
    host.values.insert("ReleaseUrl", nobody.to_owned());
    refuses(&host, 44, nobody).await;

    let mut host = Host::new("agent.tgz", &good()).await;
    let missing = format!("{}/missing.tgz", host.server.uri());
    host.values.insert("ReleaseUrl", missing.clone());
    refuses(&host, 44, &missing).await;
}

#[tokio::test]
async fn a_release_with_another_checksum_is_not_installed() {
    let mut host = Host::new("agent.tgz", &good()).await;
    let other = "0".repeat(64);
    host.values.insert("Sha256X86", other.clone());
    refuses(&host, 45, &other).await;
    assert!(!host.calls().contains("tar "), "it is not unpacked");
}

#[tokio::test]
async fn what_no_release_is_for_is_refused() {
    let mut host = Host::new("agent.tgz", &good()).await;
    host.know("processor", "aarch64\n");
    refuses(&host, 47, "no checksum of the release for aarch64").await;
    host.know("processor", "riscv64\n");
    refuses(&host, 47, "riscv64").await;
    host.know("processor", "x86_64\n");
    host.values
        .insert("ReleaseUrl", "https://host/a.zip".into());
    refuses(&host, 47, "a.zip").await;
    host.values.insert("Agent", "other".into());
    refuses(&host, 47, "other").await;
}

#[tokio::test]
async fn an_installer_that_fails_or_installs_nothing_is_told_of() {
    for content in ["exit 3", "true"] {
        let host = Host::new("agent.tgz", &archive(content)).await;
        let ran = host.install().await;
        assert_eq!(ran.code, 48, "{content}: {ran:?}");
        assert!(!host.knows("active"));
    }
    let host = Host::new("agent.tgz", b"no archive").await;
    assert_eq!(host.install().await.code, 48);
}

#[tokio::test]
async fn a_service_that_does_not_start_is_told_of() {
    let host = Host::new("agent.tgz", &good()).await;
    host.know("broken", "");
    let ran = host.install().await;
    assert_eq!(ran.code, 49, "{ran:?}");
    host.forget("broken");
    assert_eq!(host.install().await.code, 0);
    assert!(host.knows("active"));
}

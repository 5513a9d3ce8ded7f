//! A stack that another release launched moves to this one, by the command itself.

use towerhook_sandbox::launch::{ARTIFACT_PREFIX, TEMPLATE};
use towerhook_tests::scene::Scene;

use crate::operator::towerhook;

const ENROLLED: [&str; 3] = ["Audit", "Log Archive", "production-1"];

/// This release's template without one parameter, and with another that nothing reads.
fn older() -> String {
    let declared = "  OffboardLimitPercent:\n    Type: String";
    assert!(TEMPLATE.contains(declared));
    TEMPLATE
        .replace(declared, "  Forgotten:\n    Type: String")
        .replace("!Ref OffboardLimitPercent", "'10'")
}

async fn said(scene: &Scene, line: &str, code: i32) -> String {
    let output = towerhook(&scene.sandbox, line).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let all = text(&output.stderr) + &text(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{line}: {all}");
    all
}

#[tokio::test]
async fn a_stack_moves_to_another_release_and_says_what_comes_and_goes() {
    let scene = Scene::open_from(&older()).await;
    scene.await_enrolled(&ENROLLED).await;
    let to_this = format!("update --prefix {ARTIFACT_PREFIX}");

    let kept = said(&scene, "update OffboardLimitPercent=20", 1).await;
    assert!(kept.contains("no parameter OffboardLimitPercent"), "{kept}");
    let nowhere = said(&scene, "update --prefix nowhere/ --yes", 1).await;
    assert!(nowhere.contains("nowhere/templates/"), "{nowhere}");
    let asked = said(&scene, &to_this, 1).await;
    for words in [
        "OffboardLimitPercent comes, with its default 10",
        "Forgotten goes; it was 10",
        "has to be confirmed",
    ] {
        assert!(asked.contains(words), "{words}: {asked}");
    }

    let moved = said(
        &scene,
        &format!("{to_this} --yes OffboardLimitPercent=20"),
        0,
    )
    .await;
    assert!(
        moved.contains("OffboardLimitPercent comes, with 20")
            && moved.ends_with("the stack towerhook is updated\n"),
        "{moved}"
    );
    let again = said(&scene, "update OffboardLimitPercent=30", 0).await;
    assert!(again.ends_with("is updated\n"), "{again}");
    scene.await_enrolled(&ENROLLED).await;
    scene.sandbox.shutdown().await.unwrap();
}

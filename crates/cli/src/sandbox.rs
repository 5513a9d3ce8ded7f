use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};
use towerhook_package::target_directory;
use towerhook_sandbox::emulator::gaps;
use towerhook_sandbox::story::Telling;
use towerhook_sandbox::{Options, Running, STACK_NAME, Sandbox};

use crate::arguments;
use crate::demo::build;
use crate::display::Display;

/// CloudFormation's time limit for the launch.
const DEADLINE: Duration = Duration::from_secs(600);

pub(crate) async fn run(arguments: &arguments::Sandbox) -> anyhow::Result<ExitCode> {
    let display = Display::new();
    let zips = if arguments.launch {
        Some(build(arguments.profile(), &display).await?.0)
    } else {
        None
    };
    let target = target_directory()?;
    let mut options = Options::below(&target);
    options.accounts = usize::from(arguments.accounts);
    options.version = arguments.landing_zone.version();
    options.provider = arguments.provider.provider();
    display.hear(Telling::Chapter("landing zone"));
    let say = |step: &str| display.hear(Telling::Step(step));
    let started = Sandbox::start(options, &say).await;
    let sandbox = started.inspect_err(|_| display.rest())?;
    if let Some(zips) = &zips {
        display.hear(Telling::Chapter("launch"));
        say("waiting for CREATE_COMPLETE");
        sandbox.upload(zips).await?;
        let stack = sandbox.launch(&[]).await?;
        let launched = stack.wait_for("CREATE_COMPLETE", DEADLINE).await;
        launched.inspect_err(|_| display.rest())?;
        display.hear(Telling::Fact(&format!(
            "stack {STACK_NAME} is CREATE_COMPLETE"
        )));
    }
    display.rest();
    let file = Running::file(&target);
    let text = serde_json::to_string_pretty(&sandbox.running())? + "\n";
    std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    print(&sandbox);
    let waited = interrupted().await;
    // An error only means that the file is gone already.
    let _ = std::fs::remove_file(&file);
    sandbox.shutdown().await?;
    println!("\nthe sandbox is gone");
    waited?;
    Ok(ExitCode::SUCCESS)
}

fn print(sandbox: &Sandbox) {
    let running = sandbox.running();
    let endpoint = running.endpoint.as_str().trim_end_matches('/');
    println!("\nthe landing zone:");
    for account in sandbox.landing_zone.accounts() {
        println!(
            "  {}  {:<16} {:<12} {}",
            account.id, account.name, account.unit, account.role
        );
    }
    println!(
        "\nAWS       {endpoint}\n{:<9} {}\nlogs      {}\n",
        running.saas,
        running.saas_url.as_str().trim_end_matches('/'),
        sandbox.directory().display()
    );
    println!("the administrator of the management account, for this sandbox alone:");
    println!("  export AWS_ACCESS_KEY_ID={}", running.access_key_id);
    println!(
        "  export AWS_SECRET_ACCESS_KEY={}",
        running.secret_access_key.expose_secret()
    );
    println!("  export AWS_DEFAULT_REGION={}", running.region);
    println!("\ntry:");
    println!("  aws --endpoint-url {endpoint} organizations list-accounts");
    println!("  cargo towerhook event FILE");
    println!("\nunlike AWS:");
    for gap in gaps::all(sandbox.template()) {
        println!("  {} ({})", gap.difference, gap.asked_by);
    }
    println!("\nCtrl-C ends it");
}

async fn interrupted() -> anyhow::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    Ok(())
}

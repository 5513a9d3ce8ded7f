use std::convert::Infallible;
use std::process::ExitCode;
use std::time::Duration;

use console::style;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};
use towerhook_package::local::FunctionZips;
use towerhook_package::target_directory;
use towerhook_sandbox::alarms::{AlarmState, Schedule, Verdicts, changes};
use towerhook_sandbox::story::Telling;
use towerhook_sandbox::{Claim, Name, Options, Running, STACK_NAME, Sandbox};
use url::Url;

use crate::demo::build;
use crate::display::Display;
use crate::{arguments, table};

/// CloudFormation's time limit for the launch.
const DEADLINE: Duration = Duration::from_secs(600);

/// How often CloudWatch evaluates an alarm.
const EVALUATION: Duration = Duration::from_secs(60);

pub(crate) async fn run(arguments: &arguments::Sandbox) -> anyhow::Result<ExitCode> {
    let target = target_directory()?;
    let mut claim = Claim::new(&target, &arguments.name)?;
    let display = Display::new();
    let (zips, _) = build(arguments.profile(), &display).await?;
    let mut options = Options::below(&target);
    options.accounts = usize::from(arguments.accounts);
    options.version = arguments.landing_zone.version();
    options.provider = arguments.provider.provider();
    let started = start(options, &zips, arguments.launch, &display).await;
    display.rest();
    let sandbox = started?;
    claim.publish(&sandbox.running())?;
    print(&sandbox, arguments);
    let waited = tokio::select! {
        waited = interrupted() => waited,
        never = watch(&sandbox) => match never {},
    };
    drop(claim);
    sandbox.shutdown().await?;
    println!("\nthe sandbox is gone");
    waited?;
    Ok(ExitCode::SUCCESS)
}

/// Starts the landing zone with the functions in its bucket, and launches the stack if that is wanted.
async fn start(
    options: Options,
    zips: &FunctionZips,
    launch: bool,
    display: &Display,
) -> anyhow::Result<Sandbox> {
    let say = |step: &str| display.hear(Telling::Step(step));
    display.hear(Telling::Chapter("landing zone"));
    let sandbox = Sandbox::start(options, &say).await?;
    say("uploading the functions and the template");
    sandbox.upload(zips).await?;
    if launch {
        display.hear(Telling::Chapter("launch"));
        let stack = sandbox.launch(&[]).await?;
        let told = stack.wait_and_tell("CREATE_COMPLETE", DEADLINE, Some(&say));
        told.await?;
        let complete = format!("stack {STACK_NAME} is CREATE_COMPLETE");
        display.hear(Telling::Fact(&complete));
    }
    Ok(sandbox)
}

fn print(sandbox: &Sandbox, arguments: &arguments::Sandbox) {
    let running = sandbox.running();
    let endpoint = address(&running.endpoint);
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
        address(&running.saas_url),
        sandbox.directory().display()
    );
    println!("the administrator of the management account, for this sandbox alone:");
    println!("{}", exports(&running));
    if !arguments.launch {
        println!("\nlaunch the stack:\n{}", sandbox.launch_command());
    }
    println!("\ntry (aws needs these exports):");
    for command in suggested(&arguments.name, arguments.launch) {
        println!("  {command}");
    }
    println!("\nunlike AWS:\n{}", table::gaps(sandbox.template()));
    println!("\nwhat changes in the alarms is told here every minute; Ctrl-C ends it");
}

/// What leads the AWS CLI to the sandbox.
fn exports(running: &Running) -> String {
    let secret = running.secret_access_key.expose_secret();
    let exports = [
        ("AWS_ENDPOINT_URL", address(&running.endpoint)),
        ("AWS_ACCESS_KEY_ID", &running.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_DEFAULT_REGION", &running.region),
    ];
    let lines = exports.map(|(name, value)| format!("  export {name}={value}"));
    lines.join("\n")
}

fn address(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

/// Commands that work now: without a stack, nothing can be said of accounts, and nobody hears events.
fn suggested(name: &Name, is_launched: bool) -> Vec<String> {
    let mut commands = vec![
        "aws organizations list-accounts".to_owned(),
        format!("cargo towerhook doctor --sandbox={name}"),
    ];
    if is_launched {
        commands.extend([
            format!("cargo towerhook status --sandbox={name}"),
            format!("cargo towerhook event --sandbox={name} FILE"),
        ]);
    }
    commands
}

/// Tells of each alarm that goes off, or is over.
async fn watch(sandbox: &Sandbox) -> Infallible {
    let mut known = Verdicts::new();
    let mut minutes = tokio::time::interval(EVALUATION);
    loop {
        minutes.tick().await;
        let now = Timestamp::now();
        match sandbox.alarms(now, Schedule::Stopped).await {
            Ok(found) => {
                for change in changes(&known, &found, now) {
                    let line = style(table::printable(&change.to_string()));
                    println!(
                        "{}",
                        match change.verdict.state {
                            AlarmState::Alarm => line.red(),
                            AlarmState::Ok => line.green(),
                        }
                    );
                }
                known = found;
            }
            Err(error) => println!("the alarms cannot be evaluated: {error:#}"),
        }
    }
}

async fn interrupted() -> anyhow::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    Ok(())
}

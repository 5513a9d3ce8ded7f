use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use towerhook_sandbox::story::Telling;

/// Shows a story's progress: with an updating last line on a terminal, in plain lines elsewhere.
pub(crate) struct Display {
    bar: Option<ProgressBar>,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    number: u32,
    chapter: String,
    step: String,
}

impl Display {
    pub(crate) fn new() -> Self {
        let bar = std::io::stdout().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                bar.set_style(style);
            }
            bar
        });
        Self {
            bar,
            shown: Mutex::default(),
        }
    }

    pub(crate) fn hear(&self, telling: Telling<'_>) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        match telling {
            Telling::Chapter(name) => {
                shown.number += 1;
                name.clone_into(&mut shown.chapter);
                shown.step.clear();
                self.line(&format!("{}. {name}", shown.number));
                if let Some(bar) = &self.bar {
                    bar.reset();
                    bar.set_message("");
                    bar.enable_steady_tick(Duration::from_millis(100));
                }
            }
            Telling::Step(step) => {
                if shown.step != step {
                    step.clone_into(&mut shown.step);
                    match &self.bar {
                        Some(bar) => bar.set_message(step.to_owned()),
                        None => println!("   {step} ..."),
                    }
                }
            }
            Telling::Fact(fact) => self.line(&format!("   {fact}")),
            Telling::End(took) => {
                self.line(&format!("   done after {:.1} s", took.as_secs_f64()));
            }
        }
    }

    /// Clears the updating line until the next chapter, so that other output can be printed.
    pub(crate) fn rest(&self) {
        if let Some(bar) = &self.bar {
            bar.disable_steady_tick();
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) if !bar.is_finished() => bar.println(text),
            _ => println!("{text}"),
        }
    }
}

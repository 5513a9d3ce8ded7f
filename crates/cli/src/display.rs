use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::style;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use towerhook_sandbox::story::Telling;

use crate::terminal::width::indented;

/// What is told stands below its chapter.
const INDENT: &str = "   ";
/// How long plain lines leave a further step untold, and then a step that goes on.
const NEXT: Duration = Duration::from_secs(3);
const STILL: Duration = Duration::from_secs(15);

/// Shows a story's progress: with an updating last line on a terminal, in plain lines elsewhere. Colors
/// are for a terminal only, and not if `NO_COLOR` is set.
pub(crate) struct Display {
    bar: Option<ProgressBar>,
    shown: Mutex<Shown>,
}

struct Shown {
    number: u32,
    began: Instant,
    step: Option<Step>,
}

/// The last step in plain lines.
struct Step {
    text: String,
    told: Instant,
}

impl Display {
    pub(crate) fn new() -> Self {
        let bar = std::io::stdout().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} ({elapsed})") {
                bar.set_style(style);
            }
            bar
        });
        Self {
            bar,
            shown: Mutex::new(Shown {
                number: 0,
                began: Instant::now(),
                step: None,
            }),
        }
    }

    pub(crate) fn hear(&self, telling: Telling<'_>) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        match telling {
            Telling::Chapter(name) => {
                shown.number += 1;
                shown.began = Instant::now();
                shown.step = None;
                let chapter = format!("{}. {name}", shown.number);
                self.line(&style(chapter).bold().to_string());
                if let Some(bar) = &self.bar {
                    bar.reset();
                    bar.set_message("");
                    bar.enable_steady_tick(Duration::from_millis(100));
                }
            }
            Telling::Step(step) => match &self.bar {
                Some(bar) => bar.set_message(step.to_owned()),
                None => {
                    if let Some(line) = shown.hear(step, Instant::now()) {
                        println!("{line}");
                    }
                }
            },
            Telling::Fact(fact) => self.line(&indented(fact, INDENT)),
            Telling::End(took) => {
                let done = format!("{INDENT}done after {:.1} s", took.as_secs_f64());
                self.line(&style(done).green().to_string());
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

impl Shown {
    /// The plain line for a step, if it is time for one; then it is the last one told.
    fn hear(&mut self, step: &str, now: Instant) -> Option<String> {
        let line = self.line(step, now)?;
        let text = step.to_owned();
        self.step = Some(Step { text, told: now });
        Some(line)
    }

    fn line(&self, step: &str, now: Instant) -> Option<String> {
        let Some(last) = &self.step else {
            return Some(indented(&format!("{step} ..."), INDENT));
        };
        let is_still = last.text == step;
        let pause = if is_still { STILL } else { NEXT };
        if now - last.told < pause {
            return None;
        }
        let seconds = (now - self.began).as_secs();
        let still = if is_still { "still " } else { "" };
        let line = format!("{still}{step} ... ({seconds} s)");
        Some(indented(&line, INDENT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::width::widest;

    /// What is told of steps that are heard at these seconds of a chapter.
    fn told(steps: &[(u64, &str)]) -> Vec<String> {
        let began = Instant::now();
        let mut shown = Shown {
            number: 1,
            began,
            step: None,
        };
        let told = steps.iter().filter_map(|(second, step)| {
            let line = shown.hear(step, began + Duration::from_secs(*second))?;
            Some(line.trim().to_owned())
        });
        told.collect()
    }

    #[test]
    fn a_long_step_is_told_again_and_many_short_ones_not_each() {
        let wait = "waiting for the schedule";
        let long: Vec<_> = (0..40).map(|second| (second, wait)).collect();
        assert_eq!(
            told(&long),
            [
                "waiting for the schedule ...",
                "still waiting for the schedule ... (15 s)",
                "still waiting for the schedule ... (30 s)",
            ]
        );
        let short = [(0, "1 of 4"), (1, "2 of 4"), (2, "3 of 4"), (4, "4 of 4")];
        assert_eq!(told(&short), ["1 of 4 ...", "4 of 4 ... (4 s)"]);
        let wide = "an account ".repeat(10);
        assert!(widest(&told(&[(0, wide.trim_end())])[0]) <= 80);
    }
}

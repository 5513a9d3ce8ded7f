//! Captures the engine's log of a history, by thread.

use std::{cell::RefCell, io};

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

#[derive(Clone, Copy)]
struct Here;

impl io::Write for Here {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Enables the capture of every event in this process.
pub(crate) fn install() {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .without_time()
        .with_writer(|| Here)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
}

/// Clears this thread's log.
pub(crate) fn begin() {
    LINES.with_borrow_mut(Vec::clear);
}

/// This thread's log.
pub(crate) fn end() -> String {
    LINES.with_borrow(|lines| String::from_utf8_lossy(lines).into_owned())
}

//! The one source of randomness.

pub use getrandom::Error;

/// Ten random characters `A-Z0-9`, the suffix of an external id.
///
/// # Errors
///
/// The system's random source failed.
pub fn external_id_suffix() -> Result<String, Error> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes)?;
    // 32 divides 256, so all characters are equally likely.
    Ok(bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect())
}

/// Twenty random characters `A-Z2-7` that identify an invocation.
///
/// # Errors
///
/// The system's random source failed.
pub fn invocation() -> Result<String, Error> {
    Ok(external_id_suffix()? + &external_id_suffix()?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn suffixes_are_ten_characters_and_differ() {
        let suffixes: BTreeSet<_> = (0..100).map(|_| external_id_suffix().unwrap()).collect();
        assert_eq!(suffixes.len(), 100);
        assert!(suffixes.iter().all(|text| text.len() == 10));
    }
}

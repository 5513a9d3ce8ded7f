use crate::{Status, Unwritable, csv, page};

/// A file of the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path in the stack's folder.
    pub path: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its content.
    pub content: Vec<u8>,
}

/// The coverage as JSON, CSV and a page: the newest, and the copy of its day, which the last
/// comparison of the day leaves.
///
/// # Errors
///
/// A file cannot be put together, which no value can cause.
pub fn evidence(status: &Status) -> Result<Vec<File>, Unwritable> {
    let json = serde_json::to_vec_pretty(status).map_err(Unwritable::Json)?;
    let contents = [
        ("coverage.json", "application/json", json),
        ("coverage.csv", "text/csv; charset=utf-8", csv(status)?),
        (
            "coverage.html",
            "text/html; charset=utf-8",
            page(status)?.into_bytes(),
        ),
    ];
    let day = status.read_at.strftime("%Y-%m-%d");
    let files = contents
        .into_iter()
        .flat_map(|(name, media_type, content)| {
            [name.to_owned(), format!("{day}/{name}")].map(|path| File {
                path,
                media_type,
                content: content.clone(),
            })
        });
    Ok(files.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing;

    #[test]
    fn each_form_is_there_as_the_newest_and_as_that_of_its_day() {
        let files = evidence(&testing::status(10)).unwrap();
        let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "coverage.json",
                "2026-01-11/coverage.json",
                "coverage.csv",
                "2026-01-11/coverage.csv",
                "coverage.html",
                "2026-01-11/coverage.html",
            ]
        );
        assert_eq!(files[0].content, files[1].content);
        let json: serde_json::Value = serde_json::from_slice(&files[0].content).unwrap();
        assert_eq!(
            (&json["release"], &json["coverage"]["watched"]),
            (&"1.2.3".into(), &8.into())
        );
    }
}

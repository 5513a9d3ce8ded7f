//! Listings in pages, whose tokens are the number of the next item.

use std::ops::Range;

/// A part of a listing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Its items, by number.
    pub(super) range: Range<usize>,
    /// The token of the next one; `None` after the last.
    pub(super) next: Option<String>,
}

/// The page that a token asks for, of `size` items, out of `total`.
pub(super) fn page(token: Option<&str>, size: usize, total: usize) -> Page {
    let begin = begin(token, total);
    ending_at(begin, (begin + size).min(total), total)
}

/// The page that a token asks for, which ends with the item that makes it larger than `limit`.
pub(super) fn page_up_to(token: Option<&str>, limit: usize, sizes: &[usize]) -> Page {
    let begin = begin(token, sizes.len());
    let mut sum = 0;
    let fitting = sizes[begin..].iter().position(|size| {
        sum += size;
        sum > limit
    });
    let end = fitting.map_or(sizes.len(), |last| begin + last + 1);
    ending_at(begin, end, sizes.len())
}

fn begin(token: Option<&str>, total: usize) -> usize {
    let token = token.and_then(|token| token.parse().ok());
    token.unwrap_or(0).min(total)
}

fn ending_at(begin: usize, end: usize, total: usize) -> Page {
    Page {
        range: begin..end,
        next: (end < total).then(|| end.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a listing to its end and returns the length of each page.
    fn read(mut page: impl FnMut(Option<&str>) -> Page) -> Vec<usize> {
        let mut lengths = Vec::new();
        let mut token: Option<String> = None;
        let mut expected = 0;
        loop {
            let Page { range, next } = page(token.as_deref());
            assert_eq!(range.start, expected, "no item is left out or repeated");
            expected = range.end;
            lengths.push(range.len());
            match next {
                Some(next) => token = Some(next),
                None => return lengths,
            }
        }
    }

    #[test]
    fn pages_end_and_hold_every_item_once() {
        assert_eq!(read(|token| page(token, 20, 45)), [20, 20, 5]);
        assert_eq!(read(|token| page(token, 20, 40)), [20, 20]);
        assert_eq!(read(|token| page(token, 20, 0)), [0]);
    }

    #[test]
    fn a_page_of_bytes_ends_once_it_is_too_large() {
        let sizes = [4, 4, 4, 4, 4];
        assert_eq!(read(|token| page_up_to(token, 10, &sizes)), [3, 2]);
        assert_eq!(read(|token| page_up_to(token, 3, &sizes)), [1, 1, 1, 1, 1]);
        assert_eq!(read(|token| page_up_to(token, 20, &sizes)), [5]);
        assert_eq!(read(|token| page_up_to(token, 20, &[])), [0]);
    }

    #[test]
    fn an_invalid_token_starts_from_the_beginning() {
        assert_eq!(page(Some("x"), 2, 3), page(None, 2, 3));
        assert_eq!(page(Some("99"), 2, 3).range, 3..3);
    }
}

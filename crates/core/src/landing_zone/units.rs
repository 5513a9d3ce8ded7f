use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Means, OuId, UnitName};

/// An OU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name; OUs with different parents may share one, and it can change.
    pub name: String,
    /// The parent OU; `None` below the root.
    pub parent: Option<OuId>,
}

/// The organization's OUs by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OuTree(pub BTreeMap<OuId, Unit>);

impl OuTree {
    /// All OUs that a name may refer to. Names are compared without case.
    pub fn find(&self, name: &UnitName) -> BTreeSet<OuId> {
        match name.means() {
            Means::Id(id) => self
                .0
                .contains_key(id)
                .then(|| id.clone())
                .into_iter()
                .collect(),
            Means::Path(names) => {
                let ids = self.0.keys();
                ids.filter(|id| self.ends_in(id, names)).cloned().collect()
            }
        }
    }

    /// Whether the OU's path ends in these names.
    fn ends_in(&self, id: &OuId, names: &[String]) -> bool {
        let mut at = Some(id);
        for name in names.iter().rev() {
            let Some(unit) = at.and_then(|id| self.0.get(id)) else {
                return false;
            };
            if unit.name.to_lowercase() != name.to_lowercase() {
                return false;
            }
            at = unit.parent.as_ref();
        }
        true
    }

    /// An OU's path of names and its id, for an administrator.
    pub fn describe(&self, id: &OuId) -> String {
        format!("{} ({id})", self.path(id))
    }

    /// An OU's path of names, outermost first; empty for the root, and for an OU that is not listed.
    pub fn path(&self, id: &OuId) -> String {
        let mut names = Vec::new();
        let mut at = Some(id);
        // Stops at a cycle of parents, which should not exist but would loop forever.
        while let Some(unit) = at
            .and_then(|id| self.0.get(id))
            .filter(|_| names.len() < 16)
        {
            names.push(unit.name.as_str());
            at = unit.parent.as_ref();
        }
        names.reverse();
        names.join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parse_units;

    fn tree() -> OuTree {
        let unit = |id: &str, name: &str, parent: Option<&str>| {
            let unit = Unit {
                name: name.into(),
                parent: parent.map(|parent| parent.parse().unwrap()),
            };
            (id.parse().unwrap(), unit)
        };
        OuTree(
            [
                unit("ou-ab12-11111111", "Production", None),
                unit("ou-ab12-22222222", "Blue", Some("ou-ab12-11111111")),
                unit("ou-ab12-33333333", "Staging", None),
                unit("ou-ab12-44444444", "Blue", Some("ou-ab12-33333333")),
            ]
            .into(),
        )
    }

    #[test]
    fn of_two_units_of_one_name_each_can_be_named() {
        let found = |text: &str| {
            let entries = parse_units(text).unwrap();
            tree().find(&entries[0].unit).len()
        };
        let counts = [
            "blue",
            "production/blue",
            "ou-ab12-44444444",
            "Old (ou-ab12-44444444)",
        ];
        assert_eq!(counts.map(found), [2, 1, 1, 1]);
        assert_eq!(
            ["Blue/Production", "x/Blue", "ou-ab12-99999999"].map(found),
            [0, 0, 0]
        );
        let id = "ou-ab12-44444444".parse().unwrap();
        assert_eq!(tree().describe(&id), "Staging/Blue (ou-ab12-44444444)");
        let root = "r-ab12".parse().unwrap();
        assert_eq!([&id, &root].map(|id| tree().path(id)), ["Staging/Blue", ""]);
    }
}

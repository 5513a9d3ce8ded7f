use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use towerhook_core::{
    Read, counted,
    enrollment::{AccountView, Coverage, Standing, Watchers},
    ledger::{Gap, Reason, Record},
    model::{AccountId, Health, Registration},
};

use crate::{Organization, words};

/// The version of the JSON's form. It grows when a field changes its meaning or goes.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// The release of this build.
const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// Who is watched and why others are not. The names in its JSON are stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The version of this form.
    pub format_version: u32,
    /// The release of Towerhook that read it.
    pub release: &'static str,
    /// When it was read.
    pub read_at: Timestamp,
    /// When the last comparison of the whole organization began that ran to its end.
    pub compared: Option<Timestamp>,
    /// The vendor's product.
    pub product: &'static str,
    /// The id of Towerhook's stack.
    pub stack_id: String,
    /// The accounts, by id.
    pub accounts: Vec<Row>,
    /// How many of those that should be watched are.
    pub coverage: Coverage,
    /// How many should not be watched.
    pub out_of_scope: usize,
    /// What could not be read, each in a sentence.
    pub notes: Vec<String>,
    /// Who says what is in an account's row, by field.
    pub sources: BTreeMap<&'static str, String>,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its id.
    pub account: AccountId,
    /// Its name; empty if it has left or could not be read.
    pub name: String,
    /// The path of its organizational unit, in names; empty likewise.
    pub unit: String,
    /// Its state in the organization, in words.
    pub state: &'static str,
    /// Whether Control Tower manages it, in words.
    pub management: &'static str,
    /// The state of its member stack, in words.
    pub stack: &'static str,
    /// CloudFormation's reason if that failed.
    pub stack_failure: Option<String>,
    /// Its registration with the vendor, in words.
    pub registration: &'static str,
    /// The vendor's reason if it cannot use the registration.
    pub registration_failure: Option<String>,
    /// `watched`, `unwatched` or `out of scope`.
    pub standing: &'static str,
    /// Since when it has been watched without a gap; of one that is not, when it was enrolled.
    pub since: Option<Timestamp>,
    /// When it was last found to be watched, if it is enrolled and is not watched.
    pub seen: Option<Timestamp>,
    /// The last time in which it was enrolled and not watched.
    pub gap: Option<Gap>,
    /// The code of the reason why it is not watched.
    pub code: Option<String>,
    /// The reason in words, or what is wrong although it is watched.
    pub why: Option<String>,
}

impl Row {
    /// The standing of accounts that are watched.
    pub const WATCHED: &str = "watched";
    /// The standing of accounts that should be watched and are not.
    pub const UNWATCHED: &str = "unwatched";
    /// The standing of accounts that should not be watched.
    pub const OUT_OF_SCOPE: &str = "out of scope";
}

impl Status {
    /// The status of everything that was read.
    pub fn of(organization: &Organization) -> Self {
        let inventory = &organization.inventory;
        let mut accounts = Vec::new();
        let mut standings = Vec::new();
        for (id, view) in &inventory.accounts {
            let standing = organization.standing(id, view);
            accounts.push(row(organization, *id, view, &standing));
            standings.push(standing);
        }
        let is_out = |standing: &&Standing| matches!(standing, Standing::OutOfScope(_));
        let out_of_scope = standings.iter().filter(is_out).count();
        // An account whose record cannot be read may be unwatched, so it counts as a gap.
        let unreadable = inventory.unreadable_items.iter().cloned();
        standings.extend(unreadable.map(|item| Standing::Unwatched(Some(Reason::Unread(item)))));
        Self {
            format_version: FORMAT_VERSION,
            release: RELEASE,
            read_at: organization.read_at,
            compared: organization.compared,
            product: organization.provider.words().title,
            stack_id: organization.policy().stack_id.clone(),
            accounts,
            coverage: standings.iter().collect(),
            out_of_scope,
            notes: organization.notes(),
            sources: sources(organization.provider.words().title),
        }
    }

    /// Whether fewer than this percentage of the accounts in scope are watched.
    pub fn is_under(&self, percent: u8) -> bool {
        self.coverage.watched * 100 < self.coverage.in_scope() * usize::from(percent)
    }

    /// The result in a sentence, such as "118 of 120 accounts are watched, compared
    /// 2026-01-11 12:00 UTC".
    pub fn in_words(&self) -> String {
        let Coverage { watched, .. } = self.coverage;
        let in_scope = self.coverage.in_scope();
        let verb = if in_scope == 1 { "is" } else { "are" };
        let accounts = counted(in_scope, "account");
        let others = match self.out_of_scope {
            0 => String::new(),
            out => format!("; {out} more out of scope"),
        };
        let compared = self
            .compared
            .map(|at| format!(", compared {}", words::moment(at)));
        let compared = compared.unwrap_or_default();
        format!("{watched} of {accounts} {verb} watched{compared}{others}")
    }

    /// How many accounts of each unit are watched, and how many should be, by the unit's path.
    pub fn by_unit(&self) -> BTreeMap<&str, (usize, usize)> {
        let mut units: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for row in &self.accounts {
            if row.standing != Row::OUT_OF_SCOPE {
                let (watched, in_scope) = units.entry(&row.unit).or_default();
                *watched += usize::from(row.standing == Row::WATCHED);
                *in_scope += 1;
            }
        }
        units
    }
}

fn sources(title: &str) -> BTreeMap<&'static str, String> {
    let ledger = "Towerhook's ledger";
    [
        ("state", "AWS Organizations".to_owned()),
        ("unit", "AWS Organizations".to_owned()),
        ("management", "AWS Control Tower".to_owned()),
        ("stack", "AWS CloudFormation".to_owned()),
        ("registration", title.to_owned()),
        ("since", ledger.to_owned()),
        ("seen", ledger.to_owned()),
        ("gap", ledger.to_owned()),
        (
            "standing",
            format!("Towerhook's rules, by all of these and {ledger}"),
        ),
    ]
    .into()
}

fn row(organization: &Organization, id: AccountId, view: &AccountView, standing: &Standing) -> Row {
    let record = organization.record(&id);
    let words = organization.provider.words();
    let account = match &view.account {
        Read::Ok(account) => account.as_ref(),
        Read::Unknown(_) => None,
    };
    let wants_none = organization
        .provider
        .wanted(organization.policy(), &id)
        .is_none();
    let known = record.and_then(|record| record.reason.as_ref());
    let why = match standing {
        Standing::Watched => known.map(|reason| reason.in_words(words)),
        Standing::Unwatched(None) => Some("its enrollment is under way".to_owned()),
        Standing::Unwatched(Some(reason)) | Standing::OutOfScope(reason) => {
            Some(reason.in_words(words))
        }
    };
    let (registration, registration_failure) =
        registration(&view.registrations, record, wants_none);
    Row {
        account: id,
        name: account.map_or_else(String::new, |account| account.name.clone()),
        unit: match &view.account {
            Read::Ok(Some(account)) => organization.unit(&account.path),
            Read::Ok(None) => String::new(),
            Read::Unknown(_) => words::UNKNOWN.to_owned(),
        },
        state: words::state(&view.account),
        management: if organization.policy().control_tower {
            words::management(&view.management)
        } else {
            "managed"
        },
        stack: words::stack(&view.instance),
        stack_failure: words::stack_failure(&view.instance),
        registration,
        registration_failure,
        standing: match standing {
            Standing::Watched => Row::WATCHED,
            Standing::Unwatched(_) => Row::UNWATCHED,
            Standing::OutOfScope(_) => Row::OUT_OF_SCOPE,
        },
        since: record.and_then(Record::watched_since),
        seen: record.and_then(|record| record.seen_at),
        gap: record.and_then(|record| record.gap),
        code: standing.code(),
        why,
    }
}

/// The registration in words, and the vendor's reason if it cannot use it. Of several, the one that
/// the ledger knows counts.
fn registration(
    registrations: &Read<Watchers>,
    record: Option<&Record>,
    wants_none: bool,
) -> (&'static str, Option<String>) {
    if wants_none {
        return ("not needed", None);
    }
    let watchers = match registrations {
        Read::Unknown(_) => return ("not asked", None),
        Read::Ok(watchers) => watchers,
    };
    let recorded = record.and_then(|record| record.registration_id.as_ref());
    let is_recorded = |one: &&Registration| recorded == Some(&one.guid);
    let ours = watchers.ours.iter().find(is_recorded);
    let Some(ours) = ours.or(watchers.ours.first()) else {
        let foreign = !watchers.others.is_empty();
        return (if foreign { "foreign" } else { "none" }, None);
    };
    match &ours.health {
        _ if !ours.enabled => ("disabled", None),
        Health::Unknown => ("not checked yet", None),
        Health::Good => ("works", None),
        Health::Failing(why) => ("fails", Some(why.clone())),
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use towerhook_core::{
        Error, ErrorKind, Result,
        model::{Profile, RegistrationKind, Store},
        ports::RegistryReads,
        provider::plain::Plain,
    };
    use towerhook_world::{Options, Ports, Vendor, Wishes, World};

    use super::{Organization, Registration};

    /// What becomes of `story` in a landing zone with this many members, all of them enrolled.
    pub(crate) fn enrolled<T: 'static>(
        accounts: usize,
        story: impl AsyncFnOnce(World) -> T + 'static,
    ) -> T {
        let options = Options {
            accounts,
            ..Options::default()
        };
        World::quiet(options, async move |world| {
            assert!(world.launch(Wishes::default()).await.success);
            world.rest().await;
            story(world).await
        })
    }

    /// What an operator reads.
    pub(crate) async fn read(world: &World) -> Organization {
        let ports = Ports::new(world, "operator");
        let read = Organization::read(&Plain, &ports, &ports, world.now()).await;
        read.unwrap()
    }

    /// What an operator reads whom the vendor refuses so.
    pub(crate) async fn read_refused(world: &World, kind: ErrorKind) -> Organization {
        let ports = Ports::new(world, "operator");
        let read = Organization::read(&Plain, &ports, &NotAllowed(kind), world.now()).await;
        read.unwrap()
    }

    /// A vendor whose API refuses every call so.
    struct NotAllowed(ErrorKind);

    impl RegistryReads for NotAllowed {
        fn host(&self) -> String {
            Vendor::Plain.host().to_owned()
        }

        async fn profile(&self) -> Result<Profile> {
            Err(Error::new("registry:Profile", self.0, "no").of_registry())
        }

        async fn registrations(
            &self,
            _store: Option<&Store>,
            _kind: RegistrationKind,
        ) -> Result<Vec<Registration>> {
            Err(Error::new("registry:List", self.0, "no").of_registry())
        }
    }
}

#[cfg(test)]
mod tests {
    use towerhook_core::ErrorKind;
    use towerhook_world::{Step, World, member_id};

    use super::{
        testing::{enrolled, read, read_refused},
        *,
    };

    /// The status of a landing zone with three members, after `story`.
    fn status(story: impl AsyncFnOnce(&World) + 'static) -> Status {
        enrolled(3, async move |world| {
            story(&world).await;
            Status::of(&read(&world).await)
        })
    }

    fn of(status: &Status, n: usize) -> &Row {
        let mut rows = status.accounts.iter();
        rows.find(|row| row.account == member_id(n)).unwrap()
    }

    #[test]
    fn every_account_has_a_row_and_the_management_account_is_no_gap() {
        let status = status(async |_| {});
        let in_words = status.in_words();
        assert!(
            in_words.starts_with("5 of 5 accounts are watched, compared 2"),
            "{in_words}"
        );
        assert!(
            in_words.ends_with(" UTC; 1 more out of scope"),
            "{in_words}"
        );
        assert_eq!(status.accounts.len(), 6);
        let row = of(&status, 1);
        assert_eq!(
            (row.name.as_str(), row.unit.as_str(), row.state),
            ("member 1", "Production/Blue", "active")
        );
        assert_eq!((row.stack, row.standing), ("current", Row::WATCHED));
        assert!(row.since.is_some() && row.why.is_none());
        assert!(!status.is_under(100) && status.notes.is_empty());
    }

    #[test]
    fn a_suspended_account_is_out_of_scope_and_the_rest_is_complete() {
        let status = status(async |world| {
            world.happen(&Step::Suspend { account: 0 });
            world.hours(1).await;
        });
        let row = of(&status, 0);
        assert_eq!((row.state, row.standing), ("suspended", Row::OUT_OF_SCOPE));
        assert_eq!(row.why.as_deref(), Some("it is suspended"));
        assert!(!status.is_under(100), "{}", status.in_words());
    }

    #[test]
    fn an_account_that_the_vendor_cannot_read_is_a_gap_with_its_reason() {
        let status = enrolled(3, async |world| {
            let mut organization = read(&world).await;
            organization.compared = None;
            let inventory = &mut organization.inventory;
            let denied = Some(Reason::Unreadable("AccessDenied".into()));
            inventory.records.get_mut(&member_id(0)).unwrap().reason = denied;
            inventory.unreadable_items = vec!["999999999999: not JSON".into()];
            Status::of(&organization)
        });
        let row = of(&status, 0);
        assert_eq!(
            (row.standing, row.code.as_deref()),
            (Row::UNWATCHED, Some("unreadable"))
        );
        assert_eq!(
            row.why.as_deref(),
            Some("Plain cannot read it: AccessDenied")
        );
        // An account without a readable record is a gap, too.
        let in_words = "4 of 6 accounts are watched; 1 more out of scope";
        assert_eq!(status.in_words(), in_words);
        assert!(status.is_under(67) && !status.is_under(66));
        assert_eq!(status.by_unit()["Production"], (0, 1));
        assert!(
            status.notes[0].contains("999999999999"),
            "{:?}",
            status.notes
        );
    }

    #[test]
    fn without_the_vendor_the_rest_is_shown_and_a_note_says_so() {
        let status = enrolled(1, async |world| {
            Status::of(&read_refused(&world, ErrorKind::Unauthorized).await)
        });
        assert_eq!(of(&status, 0).registration, "not asked");
        assert_eq!(of(&status, 0).standing, Row::WATCHED);
        assert!(status.notes[0].starts_with("Plain was not asked: "));
    }
}

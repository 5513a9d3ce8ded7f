use towerhook_world::{Step, Window, Wishes, World};

use super::{launched, members};

#[test]
fn a_source_that_cannot_be_read_for_three_rounds_of_the_schedule_is_counted() {
    World::quiet(members(2), async |world| {
        launched(&world, Wishes::default()).await;
        world.happen(&Step::Fault(Window::Down("controltower")));
        world.hours(2).await;
        assert_eq!(world.counted("SourcesUnreadable"), 0);
        world.hours(1).await;
        assert_eq!(world.counted("SourcesUnreadable"), 1);
        world.happen(&Step::Calm);
        world.hours(2).await;
        assert_eq!(world.counted("SourcesUnreadable"), 1);
        assert_eq!(world.counted("AccountsOffboarded"), 0);
    });
}

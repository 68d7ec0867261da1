import type { Schedule, ScheduleOptions } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import type { Space } from "../../live/space.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { useExample } from "../../parts/examples.ts";
import { Form, parseJson } from "../../parts/form.tsx";
import { JsonField } from "../../parts/json-field.tsx";

/** Creates or changes a schedule. */
export function ScheduleForm(props: {
  space: Space;
  of: Schedule | null;
  onClose(): void;
  onDone(): void;
}) {
  const { of } = props;
  const [job, setJob] = useState("");
  const example = useExample(props.space, of ? "" : job);
  const zone = of?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <Dialog title={of ? "Edit the schedule" : "New schedule"} onClose={props.onClose}>
      <Form
        label={of ? "Save" : "Schedule it"}
        done="The schedule is set"
        onDone={props.onDone}
        run={async (field) => {
          const input = parseJson(field("input"), "The input");
          if (typeof input === "string") return input;
          return props.space.mayfly.jobs.schedules.set(of?.name ?? field("name"), {
            ...(of && toOptions(of)),
            cron: field("cron"),
            timeZone: field("zone"),
            job: field("job"),
            input: input.value,
          });
        }}
      >
        <label>
          Name
          <input
            name="name"
            required
            disabled={of !== null}
            defaultValue={of?.name ?? ""}
            placeholder="nightly"
          />
        </label>
        <label>
          Cron line: minute, hour, day, month, weekday
          <input
            name="cron"
            class="mono"
            required
            defaultValue={of?.cron ?? ""}
            placeholder="0 3 * * *"
          />
        </label>
        <label>
          Time zone
          <input name="zone" required defaultValue={zone} />
        </label>
        <label>
          Name of the job to add
          <input
            name="job"
            required
            defaultValue={of?.job ?? ""}
            placeholder="summarise"
            onChange={({ currentTarget }) => setJob(currentTarget.value.trim())}
          />
        </label>
        <JsonField
          name="input"
          label="Input, as JSON"
          rows={4}
          initial={of ? JSON.stringify(of.input, null, 2) : ""}
          placeholder='{ "topic": "the day" }'
          template={example && { value: example.input, from: example.from }}
        />
      </Form>
    </Dialog>
  );
}

/** All current options of a schedule, so that a change of one option does not reset the others. */
export const toOptions = (schedule: Schedule): ScheduleOptions => ({
  cron: schedule.cron,
  timeZone: schedule.timeZone,
  job: schedule.job,
  input: schedule.input,
  catchUp: schedule.catchUp,
  overlap: schedule.overlap,
  paused: schedule.paused,
  options: optionsOf(schedule.options ?? {}),
});

/** Converts options with the names of SQL to options with the names of the SDK. */
function optionsOf({ max_attempts, ...more }: Record<string, unknown>) {
  return {
    ...more,
    ...(typeof max_attempts === "number" && { maxAttempts: max_attempts }),
  } as NonNullable<ScheduleOptions["options"]>;
}

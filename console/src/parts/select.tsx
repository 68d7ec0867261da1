/** Lets the person choose one of several names. */
export function Select<T extends string>(props: {
  label: string;
  value: T;
  options: readonly (T | [T, string])[];
  onChange(value: T): void;
}) {
  return (
    <select
      class="field small"
      aria-label={props.label}
      value={props.value}
      onChange={({ currentTarget }) => props.onChange(currentTarget.value as T)}
    >
      {props.options.map((option) => {
        const [value, text] = typeof option === "string" ? [option, option] : option;
        return (
          <option key={value} value={value}>
            {text}
          </option>
        );
      })}
    </select>
  );
}

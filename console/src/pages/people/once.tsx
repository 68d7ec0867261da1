import { Copy } from "../../parts/copy.tsx";

/** A secret that is shown once. */
export function Once(props: { about: string; secret: string; label: string; onClose(): void }) {
  const { about, secret, label, onClose } = props;
  return (
    <div class="form once">
      <p>{about}</p>
      <code>{secret}</code>
      <div class="actions">
        <Copy text={secret} label={label} />
        <button type="button" class="button primary" onClick={onClose}>
          I have kept it
        </button>
      </div>
    </div>
  );
}

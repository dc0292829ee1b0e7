CREATE TABLE "possession_proofs" (
	"account_id" uuid NOT NULL,
	"nonce" "bytea" NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "possession_proofs_account_id_nonce_pk" PRIMARY KEY("account_id","nonce")
);
--> statement-breakpoint
CREATE TABLE "blob_sketches" (
	"blob_id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"average_bytes" integer NOT NULL,
	"distinct_bytes" bigint NOT NULL,
	"bins" "bytea" NOT NULL,
	"band1" integer NOT NULL,
	"band2" integer NOT NULL,
	"band3" integer NOT NULL,
	"band4" integer NOT NULL,
	"band5" integer NOT NULL,
	"band6" integer NOT NULL,
	"band7" integer NOT NULL,
	"band8" integer NOT NULL,
	CONSTRAINT "blob_sketches_bins" CHECK (octet_length("blob_sketches"."bins") = 512)
);
--> statement-breakpoint
ALTER TABLE "file_hashes" ADD COLUMN "manifest_bytes" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "manifest_bytes" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "manifest_digest" "bytea";--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "manifest_url_expires_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "sketch_bins" "bytea";--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "sketch_distinct_bytes" bigint;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "proven_blob_id" uuid;--> statement-breakpoint
ALTER TABLE "possession_proofs" ADD CONSTRAINT "possession_proofs_account_id_agentcache_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."agentcache_accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "blob_sketches" ADD CONSTRAINT "blob_sketches_blob_id_file_hashes_id_fk" FOREIGN KEY ("blob_id") REFERENCES "public"."file_hashes"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "blob_sketches" ADD CONSTRAINT "blob_sketches_account_id_agentcache_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."agentcache_accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "possession_proofs_created" ON "possession_proofs" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "blob_sketches_band1" ON "blob_sketches" USING btree ("account_id","band1");--> statement-breakpoint
CREATE INDEX "blob_sketches_band2" ON "blob_sketches" USING btree ("account_id","band2");--> statement-breakpoint
CREATE INDEX "blob_sketches_band3" ON "blob_sketches" USING btree ("account_id","band3");--> statement-breakpoint
CREATE INDEX "blob_sketches_band4" ON "blob_sketches" USING btree ("account_id","band4");--> statement-breakpoint
CREATE INDEX "blob_sketches_band5" ON "blob_sketches" USING btree ("account_id","band5");--> statement-breakpoint
CREATE INDEX "blob_sketches_band6" ON "blob_sketches" USING btree ("account_id","band6");--> statement-breakpoint
CREATE INDEX "blob_sketches_band7" ON "blob_sketches" USING btree ("account_id","band7");--> statement-breakpoint
CREATE INDEX "blob_sketches_band8" ON "blob_sketches" USING btree ("account_id","band8");--> statement-breakpoint
ALTER TABLE "uploads" ADD CONSTRAINT "uploads_proven_blob_id_file_hashes_id_fk" FOREIGN KEY ("proven_blob_id") REFERENCES "public"."file_hashes"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "file_hashes_provable" ON "file_hashes" USING btree ("file_hash","file_size") WHERE "file_hashes"."state" = 'live' AND "file_hashes"."verified";--> statement-breakpoint
CREATE INDEX "uploads_proven_blob" ON "uploads" USING btree ("proven_blob_id") WHERE "uploads"."proven_blob_id" IS NOT NULL;